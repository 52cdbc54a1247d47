"""What each built-in panel shows of a real run, line by line.

After a wanted change: `UPDATE_GOLDENS=1 pytest tests/unit/test_panels_golden.py`; read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from panel_cases import ROOT, SIZES, driver, manifest, typical

GOLDENS = ROOT / "tests/data/panels/golden"
PANELS = [panel.id for panel in manifest().panels]
WIDE = (160, 48)


def compare(path: Path, shown: str) -> None:
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown + "\n")
    assert shown + "\n" == path.read_text()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("panel_id", PANELS)
def test_a_panel_shows_this(panel_id: str, size: tuple[int, int]) -> None:
    panel = driver(panel_id)
    panel.feed(typical(panel_id))
    shown = panel.text(*size)
    compare(GOLDENS / f"{panel_id}-{size[0]}x{size[1]}.txt", shown)


@pytest.mark.parametrize("panel_id", PANELS)
def test_the_newest_state_is_visible_at_every_size(panel_id: str) -> None:
    """The one thing each panel is for is there from the smallest size to the largest."""
    wanted = {
        "progress": "41", "loss": "6.638", "validation": "2.467", "throughput": "11,219",
        "timers": "107 ms", "schedule": "0.463", "gpu": "97 %", "system": "61 %",
        "samples": "The capital", "log": "00033", "checkpoints": "30", "alerts": "loss is NaN",
        "overview": "base_train", "metrics": "6.638",
    }[panel_id]  # fmt: skip
    for size in (*SIZES, WIDE):
        panel = driver(panel_id)
        panel.feed(typical(panel_id))
        assert wanted in panel.text(*size), size
