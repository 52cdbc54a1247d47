"""The Python that the stage runs with."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from nanochat_host.checkout.hook.package import package
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import Finding

ASK_S = 20.0
AGAIN_S = 10.0
"""A missing torch is looked for again after this long: somebody may be installing it."""
_IMPORTS = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
_CHECK = "import importlib.util as u, sys; sys.exit(3 * (u.find_spec('torch') is None))"
_asked: dict[str, tuple[float, str]] = {}


def torch(now: Situation) -> Iterator[Finding]:
    """A stage that imports torch, or the checkout's own package, needs it there."""
    library = package(now.checkout_path)
    imported = _IMPORTS.findall(now.script)
    if not now.python or {"torch", library.name}.isdisjoint(imported):
        return
    if "torch" not in _sources(now.script, library):
        return
    if trouble := missing_torch(now.python):
        yield Finding(
            "error",
            "no_torch",
            trouble,
            "the script stops at its first import",
            fix_note=f"{now.python} -m pip install torch",
        )


def missing_torch(python: str) -> str:
    """Why the interpreter cannot run a stage, "" if it can. What was there stays so."""
    at, said = _asked.get(python, (-AGAIN_S, ""))
    if python in _asked and (not said or time.monotonic() - at < AGAIN_S):
        return said
    said = ""
    try:
        done = subprocess.run(
            [python, "-c", _CHECK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_S,
            cwd=os.sep,
        )
        if done.returncode == 3:
            said = f"torch is not installed in {python}"
        elif done.returncode:
            said = f"{python} does not work: it ended with exit code {done.returncode}"
    except subprocess.TimeoutExpired:
        return ""  # busy, not broken
    except OSError as error:
        said = f"{python} does not run: {error.strerror}"
    _asked[python] = (time.monotonic(), said)
    return said


def _sources(script: str, library: Path) -> str:
    """The script, and the model it imports if there is one."""
    model = (library / "gpt.py").is_file() and f"{library.name}." in script
    return script + ("torch" if model else "")
