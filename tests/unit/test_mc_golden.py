"""What the panels of the MegaContext pack show of real captures, read by the core's own telemetry.

After a wanted change: `UPDATE_GOLDENS=1 pytest tests/unit/test_mc_golden.py`; read the diff.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from mc_cases import PANELS, ROOT, Core, driver, snapshot
from nanochat_sdk.testing import data, run_facts

GOLDENS = ROOT / "tests/data/megacontext/golden"
SIZES = ((24, 4), (40, 10), (80, 20), (160, 40))
OF = {
    "overview": "both", "lod": "infer", "allocator": "infer", "residency": "infer",
    "delta_nll": "train", "lod_loss": "train", "timers": "train", "lens": "train", "health": "both",
}  # fmt: skip
WANTED = {
    "overview": "2.684", "lod": "696", "allocator": "22", "residency": "0.213",
    "delta_nll": "+2.684", "lod_loss": "3.7411", "timers": "391 ms", "lens": "no pairs",
    "health": "events",
}  # fmt: skip


@pytest.fixture(scope="module")
def core() -> Iterator[dict[str, Core]]:
    made = {
        "train": Core(("train",), "train.txt"),
        "infer": Core(("infer",)),
        "both": Core(("train", "infer"), "train.txt"),
        "livelock": Core((), "livelock.txt"),
    }
    yield made
    for each in made.values():
        each.close()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("panel_id", PANELS)
def test_a_panel_shows_this(core: dict[str, Core], panel_id: str, size: tuple[int, int]) -> None:
    shown = core[OF[panel_id]].feed(driver(panel_id)).text(*size)
    path = GOLDENS / f"{panel_id}-{size[0]}x{size[1]}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown + "\n")
    assert shown + "\n" == path.read_text()
    assert WANTED[panel_id] in shown


def test_the_strip_falls_back_to_the_rows_in_the_log(core: dict[str, Core]) -> None:
    panel = core["train"].feed(driver("lod"))
    assert "step 11 s0 v1 random 0" in panel.text(120, 12)
    both = core["both"].feed(driver("lod"))
    assert "update" in both.text(120, 12)
    both.press("s")
    assert "step 11 s0 v1 random 0" in both.text(120, 12)


def test_rows_that_say_more_than_full_detail_come_first(core: dict[str, Core]) -> None:
    """While a run samples without an allocator, its snapshots hold full detail alone."""
    panel = core["train"].feed(driver("lod"))
    logged = panel.panel.data.events
    plain = [snapshot(logged[-1].ts + 5, [0, 0], [0, 1])]
    panel.feed(data(run=run_facts(id="captured"), events=[*logged, *plain]))
    assert "step 11 s0 v1 random 0" in panel.text(120, 12)


def test_curves_stay_as_long_as_there_is_room(core: dict[str, Core]) -> None:
    panel = core["infer"].feed(driver("residency"))
    assert "an entry 0.066" in panel.text(78, 9)
    assert "residency" in panel.text(78, 9).splitlines()[-1]
    assert "an entry" not in panel.text(78, 5)


def test_a_hung_controller_is_named(core: dict[str, Core]) -> None:
    text = core["livelock"].feed(driver("timers")).text(80, 20)
    assert "the newest took 3m15s" in text
    assert "a livelock?" in text


def test_the_block_comes_from_the_log_where_there_are_no_options(core: dict[str, Core]) -> None:
    """The second log does not tell it: its rows are counted in blocks."""
    assert "wc 419/512" in core["train"].feed(driver("lod"), config={}).text(80, 12)
    assert "wc 140/16 blocks" in core["livelock"].feed(driver("lod"), config={}).text(80, 12)
