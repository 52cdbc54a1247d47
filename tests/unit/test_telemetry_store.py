"""Rows into columns, duplicates dropped, and a store taken up again from its files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from nanochat_host.core.telemetry import index as index_file
from nanochat_host.core.telemetry.decode import Block, decode
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.telemetry.store import Store
from nanochat_host.paths import RunPaths, atomic_write


def rows(first: int, last: int, **metrics: Callable[[int], object]) -> str:
    lines = (
        {"ts": 1000.0 + i, "kind": "metric", "step": i, **{k: f(i) for k, f in metrics.items()}}
        for i in range(first, last)
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def store_of(text: str) -> Store:
    store = Store()
    for item in decode(text.encode()).items:
        assert isinstance(item, Block)
        store.append(item, rev=1)
    return store


def clock() -> Callable[[], int]:
    return count(1).__next__


def read_all(run: RunPaths, *, live: bool = False) -> RunTelemetry:
    found = RunTelemetry(run, clock(), live=live)
    while found.slice():
        pass
    return found


def picture(run: RunTelemetry) -> dict[str, object]:
    """Everything that can be asked of the columns."""
    return {
        name: (
            len(c), c.last_step, repr(c.last_value), c.spans.ranges(len(c)),
            [repr(column) for column in c.points.read(0, len(c))],
            [[repr(x) for x in level.read(0, len(level))] for level in c.levels],
            c.nonfinite.newest(0, len(c), 10**6),
        )
        for name, c in run.store.columns.items()
    }  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    root = tmp_path / "run"
    root.mkdir()
    return RunPaths(root)


def test_words_for_numbers_json_does_not_have() -> None:
    store = store_of(rows(0, 4, loss=lambda i: [1.5, "nan", "inf", "-inf"][i]))
    values = list(store.columns["loss"].points.read(0, 4)[2])
    assert values[0] == 1.5 and math.isnan(values[1]) and values[2:] == [math.inf, -math.inf]


def test_values_that_are_no_numbers_are_left_out() -> None:
    store = store_of(rows(0, 4, loss=lambda i: i, epoch=lambda i: "1 pq: 0" if i % 2 else i))
    assert len(store.columns["loss"]) == 4
    assert list(store.columns["epoch"].points.read(0, 2)[0]) == [0.0, 2.0]


def test_a_tee_that_repeats_a_step_is_dropped() -> None:
    text = "".join(rows(i, i + 1, loss=lambda i: i) * 2 for i in range(5))
    assert list(store_of(text).columns["loss"].points.read(0, 5)[0]) == [0, 1, 2, 3, 4]


def test_names_of_older_loggers_are_one_metric() -> None:
    store = store_of(rows(0, 2, train_loss=lambda i: i) + rows(2, 4, **{"train/loss": lambda i: i}))
    assert list(store.columns) == ["train/loss"]
    assert len(store.columns["train/loss"]) == 4


def test_the_log_yields_to_the_hook() -> None:
    store = store_of(rows(0, 3, loss=lambda i: i))
    (late,) = decode(rows(3, 9, loss=lambda i: -1).encode()).items
    assert isinstance(late, Block)
    store.append(late, rev=2, from_hook=False)
    assert len(store.columns["loss"]) == 3


def test_a_runs_loss_is_the_smoothed_one_where_the_stage_has_it(run: RunPaths) -> None:
    both = rows(0, 3, **{"train/loss": lambda i: 2.5, "train/loss_raw": lambda i: 2.0})
    run.events_jsonl.write_text(both)
    assert read_all(run).full_facts.loss == 2.5
    run.events_jsonl.write_text(both + rows(3, 5, **{"train/loss_raw": lambda i: 1.5}))
    assert read_all(run).full_facts.loss == 1.5


def test_reopened_equals_live(run: RunPaths) -> None:
    half = rows(0, 5000, loss=lambda i: "nan" if i % 977 == 0 else i % 31, dt=lambda i: 0.1)
    rest = rows(4000, 6000, loss=lambda i: 7, dt=lambda i: 0.2) + '{"ts": 1, "kind": "oops"}\n'
    run.events_jsonl.write_text(half)
    first = read_all(run, live=True)
    atomic_write(run.telemetry / index_file.FILE, first.save())
    with run.events_jsonl.open("a") as file:
        file.write(rest)
    second = read_all(run, live=True)
    assert second.store.columns["loss"].points.base > 0, "points went to disk"
    while first.slice():
        pass
    fresh = RunPaths(run.root.parent / "fresh")
    fresh.root.mkdir()
    fresh.events_jsonl.write_text(half + rest)
    assert picture(first) == picture(second) == picture(read_all(fresh))
    assert second.full_facts.bad_lines == 1


def test_reopening_reads_nothing_again(run: RunPaths) -> None:
    run.events_jsonl.write_text(rows(0, 3000, loss=lambda i: i))
    run.out_log.write_text("step 1\nlast line")
    first = read_all(run)
    atomic_write(run.telemetry / index_file.FILE, first.save())
    second = RunTelemetry(run, clock(), live=False)
    assert second.settled and not second.slice()
    assert second.events_tail.offset == run.events_jsonl.stat().st_size
    assert picture(first) == picture(second)
    assert second.log.index.lines == 2


@pytest.mark.parametrize(
    "harm", ["cut points", "zeros", "cut l1", "flip l2", "flip index", "gone", "older"]
)
def test_damaged_files_are_rebuilt_from_the_events(run: RunPaths, harm: str) -> None:
    run.events_jsonl.write_text(rows(0, 3000, loss=lambda i: i * 0.5))
    whole = read_all(run)
    saved = whole.save()
    atomic_write(run.telemetry / index_file.FILE, saved)
    index = run.telemetry / index_file.FILE
    points, level1, level2 = (run.telemetry / f"0000.{s}" for s in ("points", "l1", "l2"))
    if harm == "cut points":
        points.write_bytes(points.read_bytes()[:-100])
    elif harm == "zeros":  # what a power cut may leave of a file that was being written
        points.write_bytes(points.read_bytes()[:-24] + bytes(24))
    elif harm == "cut l1":
        level1.write_bytes(b"")
    elif harm == "flip l2":
        level2.write_bytes(bytes([255]) + level2.read_bytes()[1:])
    elif harm == "flip index":
        index.write_bytes(saved[:-3] + b"abc")
    elif harm == "gone":
        points.unlink()
    else:  # the events file is another one
        run.events_jsonl.write_text(rows(0, 3000, loss=lambda i: i * 0.7))
    expected = 2999 * (0.7 if harm == "older" else 0.5)
    again = read_all(run)
    assert len(again.store.columns["loss"]) == 3000
    assert again.store.columns["loss"].last_value == pytest.approx(expected)


def test_a_full_disk_keeps_points_in_memory(run: RunPaths) -> None:
    run.telemetry.write_text("a file where the folder should be")
    run.events_jsonl.write_text(rows(0, 4000, loss=lambda i: i))
    found = read_all(run)
    assert len(found.store.columns["loss"]) == 4000
    run.telemetry.unlink()
    found.save()
    assert found.store.columns["loss"].points.flushed == 4000


def test_a_preview_stands_until_a_long_file_was_read(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanochat_host.core.telemetry.run.PREVIEW_BYTES", 500_000)
    run.events_jsonl.write_text(rows(0, 20_000, loss=lambda i: i, dt=lambda i: 0.1))
    found = RunTelemetry(run, clock(), live=False)
    slices = 0
    while not (found.preview and found.preview.done):
        assert found.slice()
        slices += 1
    assert slices < 25
    sample = found.visible.columns["loss"]
    assert 150 < len(sample) < 20_000
    assert sample.last_step == 19_999, "the end of the run is in the picture"
    assert found.facts.step == 19_999
    while found.slice():
        pass
    assert found.preview is None
    assert len(found.visible.columns["loss"]) == 20_000
