"""Says which Python this is, which packages it finds, and what torch can compute on."""

from __future__ import annotations

import importlib
import importlib.util
import json
import platform
import sys
from typing import Any, TextIO


def main(answers: TextIO) -> int:
    """stdin: {"packages": [names]}. Answers one line of JSON."""
    question = json.load(sys.stdin)
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "missing": [name for name in question["packages"] if not _found(name)],
        "devices": [],
    }
    facts |= _torch()
    answers.write(json.dumps(facts) + "\n")
    answers.flush()
    return 0


def _found(name: str) -> bool:
    """A folder without a loader (an empty `rustbpe/` beside the scripts) is no package."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.loader is not None


def _torch() -> dict[str, Any]:
    if not _found("torch"):
        return {"torch": "", "torch_trouble": "torch is not installed"}
    try:
        torch = importlib.import_module("torch")
    except Exception as error:  # a broken install may raise anything at all
        return {"torch": "", "torch_trouble": f"torch cannot be imported: {error}"[:300]}
    devices = []
    if torch.cuda.is_available():
        cards = range(torch.cuda.device_count())
        devices += [f"cuda:{card} {torch.cuda.get_device_name(card)}" for card in cards]
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        devices.append("mps")
    return {"torch": torch.__version__, "torch_trouble": "", "devices": [*devices, "cpu"]}
