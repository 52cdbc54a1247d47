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
