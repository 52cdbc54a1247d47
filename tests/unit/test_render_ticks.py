"""Ticks are round, inside the axis, and told apart by their text."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nanochat_host.ui.render.ticks import duration, labelled, linear_ticks, log_ticks, write

ends = st.floats(-1e12, 1e12, allow_nan=False)


@given(ends, ends, st.integers(2, 12), st.sampled_from(["", "percent"]))
def test_linear_ticks_are_round_and_inside(a: float, b: float, count: int, unit: str) -> None:
    lo, hi = min(a, b), max(a, b)
    assume(hi - lo > 1e-6 * max(abs(lo), abs(hi), 1e-6))
    ticks = linear_ticks(lo, hi, count, unit)
    assert all(lo <= tick <= hi for tick in ticks)
    assert len(ticks) <= count + 1
    if len(ticks) > 2:
        step = ticks[1] - ticks[0]
        mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(mantissa - nice) for nice in (1, 2, 2.5, 5, 10)) < 1e-3


@given(st.integers(-8, 8), st.integers(1, 9), st.integers(2, 8))
def test_log_ticks_are_inside_and_ascend(low: int, decades: int, count: int) -> None:
    lo, hi = 10.0**low * 0.9, 10.0 ** (low + decades) * 1.1
    ticks = log_ticks(lo, hi, count)
    assert list(ticks) == sorted(set(ticks))
    assert all(lo <= tick <= hi for tick in ticks)
    assert len(ticks) >= 2


@given(ends, ends, st.integers(2, 12), st.sampled_from(["", "int", "percent", "bytes", "s"]))
def test_labels_of_neighbours_differ(a: float, b: float, count: int, unit: str) -> None:
    lo, hi = min(a, b), max(a, b)
    assume(hi > lo)
    texts = [text for _, text in labelled(linear_ticks(lo, hi, count, unit), unit)]
    assert all(first != second for first, second in itertools.pairwise(texts))


@pytest.mark.parametrize(
    ("value", "unit", "step", "text"),
    [
        (0.0, "", 0.5, "0.0"),
        (7.5, "", 2.5, "7.5"),
        (0.25, "", 0.25, "0.25"),
        (402_113, "", 0, "402.11k"),
        (400_000, "", 20_000, "400k"),
        (1_300_000, "int", 100_000, "1.3M"),
        (3000, "int", 500, "3000"),
        (42.5, "percent", 2.5, "42.5%"),
        (1024, "bytes", 0, "1K"),
        (512, "bytes", 0, "512B"),
        (200, "s", 0, "3m20s"),
        (7500, "s", 0, "2h05m"),
        (0.00001, "", 0, "1e-5"),
        (math.nan, "", 0, "nan"),
        (-math.inf, "", 0, "-inf"),
    ],
)
def test_numbers_as_people_write_them(value: float, unit: str, step: float, text: str) -> None:
    assert write(value, unit, step=step) == text


@given(st.floats(allow_nan=True), st.sampled_from(["", "int", "percent", "bytes", "s", "clock"]))
def test_every_number_can_be_written_shortly(value: float, unit: str) -> None:
    assert 0 < len(write(value, unit)) <= 24


@given(st.floats(-1e9, 1e9))
def test_durations_have_no_sixtieth_second(seconds: float) -> None:
    assert "60s" not in duration(seconds) and "m60" not in duration(seconds)
