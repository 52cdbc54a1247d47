"""What the core and the screen do so that nobody of the same user looks into their memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
from nanochat_host.guard import hide_memory
dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
print(dumpable(), hide_memory(), dumpable())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a switch")
def test_a_process_that_hides_is_not_dumpable() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout == "1 True 0\n", done.stderr


@pytest.mark.parametrize("module", ["core/server.py", "ui/app.py"])
def test_the_core_and_the_screen_call_it(module: str) -> None:
    import nanochat_host

    source = (nanochat_host.__path__[0] + "/" + module, "hide_memory()")
    with open(source[0], encoding="utf-8") as file:
        assert source[1] in file.read()
