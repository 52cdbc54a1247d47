"""The pure parts of the MegaContext pack: strips of levels, refocuses, and figures made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mc_cases import CAPTURES, driver, focus, rows, snapshot
from nanochat_mc import context as contexts
from nanochat_mc.context import OUT, Context, of_row, of_span
from nanochat_mc.refocus import RefocusLog, Timeline, block_of, tokens_between
from nanochat_mc.strip import cells, glyph
from nanochat_sdk import Event
from nanochat_sdk.testing import EPOCH, data, points, run_facts, series


def drawn(context: Context, count: int) -> str:
    return "".join(map(glyph, cells(context, 0, context.total, count)))


def captured_snapshots() -> list[Event]:
    return [
        Event(ts=row["ts"], kind="span", fields=row)
        for row in rows("infer")
        if row["name"] == "working_context_snapshot"
    ]


def made(lods: list[int], positions: list[int], **options: int) -> Context:
    found = of_span(snapshot(1.0, lods, positions), options.get("block", 0), options.get("tail", 0))
    assert found is not None
    return found


def test_a_snapshot_has_its_levels_where_they_are() -> None:
    found = made([0, 1, 0, 2, 0], [0, 1, 5, 6, 22])
    assert found.block == 4
    assert [(run.start, run.stop, run.level) for run in found.runs] == [
        (0, 1, 0), (1, 5, 1), (5, 6, 0), (6, 22, 2), (22, 23, 0),
    ]  # fmt: skip
    assert (found.length, found.total, found.share(OUT)) == (5, 23, 0.0)


def test_what_lies_between_entries_is_left_out() -> None:
    found = made([0, 0, 0], [0, 1, 8], block=4)
    assert found.share(OUT) == pytest.approx(6 / 9)
    assert drawn(found, 9) == "..XXXXXX."


def test_every_captured_snapshot_covers_its_whole_history() -> None:
    blocks = set()
    for event in captured_snapshots():
        found = of_span(event, 0, 0)
        assert found is not None
        assert found.length == event.fields["mc.length"] == sum(found.entries.values())
        assert found.share(OUT) == 0.0
        blocks.add(found.block)
        held = sum(n * max(found.block, 1) ** level for level, n in found.entries.items())
        assert held == found.total
    assert blocks == {0, 4, 32}


def test_a_cut_snapshot_shows_its_beginning_and_says_so() -> None:
    whole = json.dumps(list(range(5000)))
    event = snapshot(1.0, [0] * 5000, [])
    event.fields["mc.positions"] = whole[:900] + "[cut]"
    found = of_span(event, 32, 0)
    assert found is not None
    assert found.partial
    assert found.total < 300
    panel = driver("lod")
    panel.feed(data(run=run_facts(), events=[event]))
    assert "cut by the receiver" in panel.text(100, 6)


def test_a_window_that_begins_late_counts_what_fell_out_before_it() -> None:
    found = made([0] * 4, [100, 101, 102, 103], block=4)
    assert found.runs[0] == (0, 100, OUT)


@pytest.mark.parametrize("count", [1, 7, 64, 200])
def test_no_level_is_lost_however_few_the_cells(count: int) -> None:
    """A single compressed block among ten thousand tokens is seen in every width."""
    lods = [0] * 5000 + [1] + [0] * 4000
    positions = [*range(5000), 5000, *range(5032, 9032)]
    line = cells(made(lods, positions, block=32), 0, 9032, count)
    assert len(line) == count
    assert any(cell.level == 1 for cell in line)


def test_boundaries_stay_visible_when_sampled_down() -> None:
    """Levels that alternate faster than cells are drawn broken, not as one level."""
    lods = [0, 0, 1] * 400
    positions, at = [], 0
    for lod in lods:
        positions.append(at)
        at += 4 if lod else 1
    found = made(lods, positions)
    assert set(drawn(found, 60)) == {"╌"}
    assert set(drawn(found, found.total)) == {".", "─"}


def test_two_long_runs_show_their_boundary_without_a_mixed_cell() -> None:
    found = of_row("." * 150 + "─" * 151, 301, "", "", 0)
    assert found is not None
    assert drawn(found, 10) == ".....─────"


def test_recent_tokens_are_marked() -> None:
    assert drawn(made([0] * 8, list(range(8)), tail=3), 8) == ".....⊙⊙⊙"


@pytest.mark.parametrize(
    "row, shown",
    [
        ("XX..─⊙⊙", "XX..─⊙⊙"),
        ("─.| ═|─.", "─.════─."),
        (".|   █  |,", ".████████."),
    ],
)
def test_rows_of_the_log(row: str, shown: str) -> None:
    found = of_row(row, 9, "", "", 4)
    assert found is not None
    assert drawn(found, found.total) == shown


def test_every_row_in_the_captured_logs_is_understood() -> None:
    count = 0
    for name in ("train.txt", "livelock.txt"):
        for line in (CAPTURES / name).read_text().splitlines():
            if line.startswith("  sample"):
                row = line.split(" ", 3)[3].partition(" [")[0]
                found = of_row(row, 1, "", "", 32)
                assert found is not None
                assert found.total == 16
                count += 1
    assert count > 60


def test_a_step_that_repeats_its_numbers_is_no_refocus() -> None:
    log = RefocusLog()
    events = focus(EPOCH, 3, 4) + [e for i in range(1, 32) for e in focus(EPOCH + i, 3, 4, asked=0)]
    log.feed(events)
    assert [(r.expand, r.collapse) for r in log.found] == [(3, 4)]
    assert log.steps == 32


def test_frames_that_overlap_count_once_and_a_pair_may_be_torn() -> None:
    log = RefocusLog()
    events = [event for i in range(10) for event in focus(EPOCH + i, i, 0)]
    for end in range(1, len(events) + 1):
        log.feed(events[max(0, end - 6) : end])
    assert [r.expand for r in log.found] == list(range(10))


def test_the_captured_sessions() -> None:
    events = [
        Event(ts=row["ts"], kind="span", fields=row)
        for row in rows("infer")
        if row["name"] in ("focus_allocator", "lensnet_usage")
    ]
    log = RefocusLog()
    log.feed(events)
    assert len(log.found) == 46
    last = log.found[-1]
    assert (last.expand, last.collapse, last.entries) == (22, 24, 702)
    assert last.per_block(864, 4) == pytest.approx(0.213, abs=0.001)
    snapshots = captured_snapshots()
    start = snapshots[0].ts

    def timeline(value: Callable[[dict[str, Any]], float]) -> Timeline:
        x = [e.ts - start for e in snapshots]
        y = [value(e.fields) for e in snapshots]
        newest = points(ts=snapshots[-1].ts, it=y[-1])["it"]
        return Timeline(series("it", y, x), newest)

    entries = timeline(lambda fields: fields["mc.length"])
    positions = timeline(lambda fields: json.loads(fields["mc.positions"])[-1])
    assert block_of(list(log.found), entries) == 4
    assert block_of(list(log.found)[:20], entries) == 32
    assert tokens_between(list(log.found)[-20:], positions) == 16
    assert positions.at(last.ts) == 863


def test_a_long_context_is_read_once_and_drawn_in_as_many_steps_as_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2,800 entries over 31,250 blocks: reading is once a snapshot, drawing is by cell and run."""
    lods = [1] * 2000 + [0] * 800
    positions = [*range(0, 64_000, 32), *range(64_000, 64_800)]
    panel = driver("lod")
    event = snapshot(EPOCH + 299, lods, positions)
    panel.feed(data(run=run_facts(), events=[event], config={"block_size": 32}))
    calls = 0
    read = contexts.of_span

    def counted(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        return read(*args)

    monkeypatch.setattr("nanochat_mc.lod.of_span", counted)
    for _ in range(20):
        panel.feed(data(run=run_facts(), events=[event], config={"block_size": 32}))
        assert "wc 2,800/64,800" in panel.text(160, 40)
    assert calls == 0
    found = read(event, 32, 0)
    assert found is not None
    assert len(found.runs) == 2


def test_an_answer_fits_a_frame_however_the_levels_alternate() -> None:
    """The worst context to draw: every entry another level."""
    lods = [i % 3 for i in range(2800)]
    positions, at = [], 0
    for lod in lods:
        positions.append(at)
        at += 4**lod
    panel = driver("lod")
    panel.feed(data(run=run_facts(), events=[snapshot(EPOCH, lods, positions)]))
    for size in ((24, 4), (200, 60), (400, 200)):
        assert panel.text(*size)
