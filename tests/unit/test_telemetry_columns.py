"""A column's answers equal those of a plain list of points, whatever the chunks it arrived in."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.core.telemetry.answer import series
from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.pyramid import STEP
from nanochat_sdk.data import Series, SeriesQuery
from nanochat_sdk.payload import unpack

VALUES = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0])
)


def fill(column: Column, values: list[float], chunk: int = 7) -> None:
    for a in range(0, len(values), chunk):
        part = values[a : a + chunk]
        steps = array("d", range(a, a + len(part)))
        column.append(steps, array("d", [100 + s for s in steps]), array("d", part))


def ask(column: Column, columns: int = 20, **query: float | str | None) -> Series:
    wanted = SeriesQuery(column.name, columns, **query)  # type: ignore[arg-type]
    return series(column, wanted, unit="", started_at=100.0, tokens_per_step=10)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=1500),
    st.integers(1, 90),
    st.integers(1, 40),
    st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
def test_buckets_equal_brute_force(
    values: list[float], chunk: int, columns: int, a: float, b: float
) -> None:
    column = Column("m")
    fill(column, values, chunk)
    start, end = sorted((int(a * len(values)), int(b * len(values))))
    found = ask(column, columns, start=float(start), end=float(end))
    inside = values[start : end + 1]
    assert found.total == len(inside)
    assert len(found.xs()) <= columns
    at = start
    for x, lo, hi, mean, n in zip(
        *(unpack(c) for c in (found.x, found.lo, found.hi, found.mean, found.n)), strict=True
    ):
        part = values[at : at + int(n)]
        finite = [v for v in part if math.isfinite(v)]
        assert x == at + n - 1
        if finite:
            assert (lo, hi) == (min(finite), max(finite))
            assert mean == pytest.approx(sum(finite) / len(finite), rel=1e-9, abs=1e-9)
        else:
            assert math.isnan(lo) and math.isnan(hi) and math.isnan(mean)
        at += int(n)
    assert at - start == len(inside)
    finite = [v for v in inside if math.isfinite(v)]
    assert (found.best[1] if found.best else None) == (min(finite) if finite else None)
    if found.best:
        assert values[int(found.best[0])] == found.best[1]
    bad = [i for i, v in enumerate(inside, start) if not math.isfinite(v)]
    assert list(unpack(found.nonfinite)) == bad[-64:]


@settings(max_examples=30, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=2000), st.integers(1, 400))
def test_growing_piece_by_piece_equals_growing_at_once(values: list[float], chunk: int) -> None:
    slowly, at_once = Column("m"), Column("m")
    fill(slowly, values, chunk)
    fill(at_once, values, len(values))
    assert repr(ask(slowly)) == repr(ask(at_once))
    assert [len(level) for level in slowly.levels] == [len(level) for level in at_once.levels]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=3000),
    st.integers(1, 900),
    st.integers(0, 2999),
)
def test_points_on_disk_answer_like_points_in_memory(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], chunk: int, cut: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("columns")
    kept, stored = Column("m"), Column("m", folder, "0000")
    fill(kept, values, chunk)
    for a in range(0, len(values), chunk):
        part = values[a : a + chunk]
        steps = array("d", range(a, a + len(part)))
        stored.append(steps, array("d", [100 + s for s in steps]), array("d", part))
        if a >= cut:
            stored.flush()
    for start in (None, float(cut)):
        assert repr(ask(kept, start=start)) == repr(ask(stored, start=start))


def test_a_query_reads_as_much_of_a_long_run_as_of_a_short_one() -> None:
    """Counts rows read, not time: at most 20 a bucket and some at the ends, at every length."""
    for length in (1_000, 30_000, 500_000):
        column = Column("m")
        fill(column, [math.sin(i) for i in range(length)], 4096)
        for query in ({}, {"start": length * 0.3, "end": length * 0.9}):
            before = column.touched
            found = ask(column, 160, **query)
            assert 96 <= len(found.xs()) <= 160
            assert column.touched - before < 20 * 160 + 2_000


def test_newer_values_win_after_a_resume() -> None:
    column = Column("m")
    fill(column, [1.0] * 100)
    column.append(array("d", range(60, 80)), array("d", range(300, 320)), array("d", [2.0] * 20))
    by_step = ask(column, 200)
    assert list(by_step.xs()) == list(range(80))
    assert list(by_step.means()) == [1.0] * 60 + [2.0] * 20
    by_time = ask(column, 200, x="time")
    assert by_time.total == 120
    assert list(by_time.xs()) == sorted(by_time.xs())


def test_a_new_stage_begins_anew_by_step_and_stays_whole_by_time() -> None:
    column = Column("m")
    fill(column, [1.0] * 50)
    column.append(array("d", [0, 1]), array("d", [900, 901]), array("d", [5, 4]), stage=1)
    assert list(ask(column).means()) == [5.0, 4.0]
    assert ask(column, x="time").total == 52


def test_steps_that_always_go_back_stay_bounded_and_ascending() -> None:
    column = Column("m")
    for i in range(500):
        steps = array("d", [500 - i, 1000 - i])
        column.append(steps, array("d", [i, i + 0.5]), array("d", [i, i]))
    found = ask(column, 2048)
    xs = list(found.xs())
    assert xs == sorted(xs) and xs
    assert len(column.spans.closed) <= 64
    assert len(ask(column, 5).xs()) <= 5


def test_x_in_tokens_and_its_range() -> None:
    column = Column("m")
    fill(column, [float(i) for i in range(40)])
    found = ask(column, 64, x="tokens", start=100.0, end=200.0)
    assert list(found.xs()) == [float(x) for x in range(100, 201, 10)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2000), st.floats(-10, 2100), st.booleans())
def test_search_finds_what_bisect_finds(length: int, x: float, right: bool) -> None:
    column = Column("m")
    fill(column, [0.0] * length, 300)
    found = column.search(STEP, x, 0, length, right=right)
    inside = [s for s in range(length) if (s <= x if right else s < x)]
    assert found == len(inside)
