"""Envelopes keep what matters; smoothing does not depend on the zoom."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanochat_sdk.downsample import ema, envelope, quantile, to_series

finite = st.floats(-1e6, 1e6)


@given(st.lists(finite, min_size=1, max_size=300), st.integers(1, 50))
def test_an_envelope_keeps_extremes_counts_and_the_mean(y: list[float], columns: int) -> None:
    buckets = envelope(range(len(y)), y, columns)
    assert len(buckets.x) <= columns
    assert min(buckets.lo) == min(y)
    assert max(buckets.hi) == max(y)
    assert sum(buckets.n) == len(y)
    total = sum(m * n for m, n in zip(buckets.mean, buckets.n, strict=True))
    assert total == pytest.approx(sum(y), rel=1e-9, abs=1e-3)
    assert list(buckets.x) == sorted(buckets.x)


def test_points_that_are_not_finite_are_set_aside_newest_64() -> None:
    y = [math.nan if i % 2 else float(i) for i in range(200)]
    buckets = envelope(range(200), y, 10)
    assert sum(buckets.n) == 100
    assert buckets.nonfinite == [float(i) for i in range(73, 200, 2)]
    assert all(math.isfinite(v) for v in buckets.mean)


def test_only_the_spike_of_a_bucket_reaches_its_hi() -> None:
    y = [1.0] * 1000
    y[437] = 50.0
    buckets = envelope(range(1000), y, 10)
    assert [hi == 50.0 for hi in buckets.hi].count(True) == 1
    assert buckets.x[4] == 499


def test_wrong_arguments_are_refused_with_what_they_were() -> None:
    with pytest.raises(ValueError, match="x has 2 points and y has 1"):
        envelope([1, 2], [1], 4)
    with pytest.raises(ValueError, match="columns is 0"):
        envelope([1], [1], 0)


def test_ema_is_the_textbook_one_on_single_points() -> None:
    y = [3.0, 1.0, 4.0, 1.0, 5.0]
    state, expected = 0.0, []
    for k, value in enumerate(y, start=1):
        state = 0.9 * state + 0.1 * value
        expected.append(state / (1 - 0.9**k))
    assert list(ema(y, [1.0] * 5, 0.9)) == pytest.approx(expected)


def test_ema_of_buckets_of_a_constant_stretch_equals_ema_of_its_points() -> None:
    points = ema([1.0] * 30 + [2.0] * 30, [1.0] * 60, 0.9)
    buckets = ema([1.0, 1.0, 2.0, 2.0], [10.0, 20.0, 15.0, 15.0], 0.9)
    assert buckets[-1] == pytest.approx(points[-1])
    assert buckets[1] == pytest.approx(points[29])


def test_ema_bridges_what_is_not_finite_and_starts_with_a_gap() -> None:
    smooth = ema([math.nan, 2.0, math.inf, 4.0], [1.0] * 4, 0.5)
    assert math.isnan(smooth[0])
    assert smooth[1] == smooth[2] == 2.0
    assert 2.0 < smooth[3] < 4.0


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_no_smoothing_changes_nothing(weight: float) -> None:
    assert list(ema([3.0, 1.0], [1.0, 5.0], weight)) == [3.0, 1.0]


def test_smoothing_of_one_is_held_below_one() -> None:
    assert all(math.isfinite(v) for v in ema([1.0, 2.0, 3.0], [1.0] * 3, 1.0))


def test_quantiles_weigh_buckets_by_their_points() -> None:
    assert quantile([1.0, 9.0], [99.0, 1.0], 0.5) == 1.0
    assert quantile([1.0, 9.0], [1.0, 99.0], 0.5) == 9.0
    assert math.isnan(quantile([math.nan], [1.0], 0.5))
    assert math.isnan(quantile([], [], 0.5))


def test_a_series_names_its_best_point_and_where() -> None:
    series = to_series("val/bpb", [0, 10, 20, 30], [3.0, 1.5, math.nan, 2.0])
    assert series.best == (10.0, 1.5)
    assert series.total == 4
    assert to_series("x", [], []).best is None
