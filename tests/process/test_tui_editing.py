"""The real TUI in a pty: edits by keys and mouse survive kill -9, the run does not notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import until
from tui_rig import TuiRig, tui_rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[TuiRig]:
    with tui_rig(tmp_path) as rig:
        yield rig


def test_edits_survive_a_kill_and_are_saved_while_the_run_streams(rig: TuiRig) -> None:
    run = rig.looping_run()
    first = rig.open("--run", run.root.name)
    first.wait_for(r"Progress[\s\S]*step [\d,]+ /", 20)
    first.press("E")
    first.wait_for(r"EDIT +Progress 8x2 at 0,0")
    first.press("\x1b[C")
    first.wait_for(r"EDIT +Progress 4x3 at 8,0")
    # The title of the loss panel, dragged to the right by the mouse.
    row = next(y for y, line in enumerate(first.screen.display) if "≡ Loss" in line)
    first.press(f"\x1b[<0;10;{row + 1}M\x1b[<32;95;{row + 8}M")
    first.wait_for(r"┏ \dx\d at \d+,\d+ ━")
    first.press(f"\x1b[<0;95;{row + 8}m")
    first.wait_for(r"EDIT +Loss (?!8x6 at 0,2)")
    until(lambda: list(rig.paths.drafts.glob("*.json")), "the edits are kept")
    os.kill(first.pid, signal.SIGKILL)
    before = rig.summary(run).facts.step
    second = rig.open("--run", run.root.name)
    second.wait_for(r"EDIT[\s\S]*not saved", 20)
    second.press("\x13")
    second.wait_for("a copy of your own")
    saved = rig.paths.layouts / "default.toml"
    assert "at = [8, 0, 4, 3]" in saved.read_text()
    assert "# The dashboard." in saved.read_text()
    assert not list(rig.paths.drafts.glob("*.json"))
    until(lambda: rig.summary(run).facts.step > before, "the run goes on")
    second.press("\x1b")
    second.wait_for(r"Train[\s\S]*Progress")
