"""How long an answer of a checkout about a checkpoint holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.core.checkpoints import probes
from nanochat_host.core.wire import CheckoutRef

QUESTION = {"use": "load", "script": ""}


@pytest.mark.parametrize("edited", ["gpt.py", "checkpoint_manager.py", "wide.py", "parts/norm.py"])
def test_an_answer_holds_until_a_module_of_the_library_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(probes, "ask_inside", lambda *wish: asked.append(wish) or {"sure": True})
    (tmp_path / "nanochat" / "parts").mkdir(parents=True)
    file = tmp_path / "nanochat" / edited
    file.touch()
    ref, known = CheckoutRef("it", str(tmp_path), base_dir=str(tmp_path)), probes.Probes()
    assert not known.knows(ref, QUESTION)
    for _ in range(2):
        assert known.ask(ref, QUESTION, 1.0) == {"sure": True}
    assert known.knows(ref, QUESTION) and len(asked) == 1
    os.utime(file, ns=(1, 1))
    assert not known.knows(ref, QUESTION)
