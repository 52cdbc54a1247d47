"""Curves become the braille that the numbers say."""

from __future__ import annotations

import math

import pytest
from nanochat_host.ui.render.raster import Canvas, Curve

NAN = math.nan


def picture(curve: Curve) -> list[str]:
    canvas = Canvas(curve.width, curve.height)
    canvas.add(curve.cells(), 1)
    return [text for text, _ in canvas.rows()]


def dots(curve: Curve) -> set[tuple[int, int]]:
    """(column, row from the bottom) of every dot, read from the columns."""
    rows = range(curve.height * 4)
    return {(x, y) for x, bits in enumerate(curve.columns) for y in rows if bits >> y & 1}


def test_a_single_dot_in_each_corner() -> None:
    curve = Curve(1, 1)
    for x, y in ((0, 0), (1, 0), (0, 3), (1, 3)):
        curve.span(x, y, y)
    assert picture(curve) == ["⣉"]


def test_rising_line_golden() -> None:
    curve = Curve(4, 2)
    curve.line([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7])
    assert picture(curve) == ["  ⡠⠊", "⡠⠊  "]


def test_a_slope_is_one_dot_thin() -> None:
    for steps in (0.3, 0.5, 1.0):
        curve = Curve(5, 3)
        curve.line(list(range(10)), [steps * x for x in range(10)])
        assert len(dots(curve)) == 10


def test_one_spike_among_many_columns_is_kept() -> None:
    curve = Curve(10, 3)
    ys = [0.0] * 20
    ys[7] = 11.0
    curve.line(list(range(20)), ys)
    assert (7, 11) in dots(curve)


def test_envelope_keeps_a_spike_that_the_mean_hides() -> None:
    curve = Curve(5, 2)
    curve.band(list(range(10)), [1.0] * 10, [1.0] * 4 + [7.0] + [1.0] * 5)
    assert {(4, y) for y in range(1, 8)} <= dots(curve)


def test_nan_is_a_gap_and_a_point_between_gaps_a_dot() -> None:
    curve = Curve(4, 1)
    curve.line([0, 1, 2, 3, 4, 5, 6], [1, 1, NAN, 2, NAN, 3, 3])
    assert {x for x, _ in dots(curve)} == {0, 1, 3, 5, 6}


def test_sparse_points_are_joined_without_holes() -> None:
    curve = Curve(20, 5)
    curve.line([0, 39], [0, 19])
    found = dots(curve)
    assert {x for x, _ in found} == set(range(40))
    assert {y for _, y in found} == set(range(20))


def test_nothing_is_drawn_outside_the_canvas() -> None:
    curve = Curve(3, 2)
    curve.line([-50, 50], [-1e9, 1e9])
    curve.span(99, 0, 1)
    curve.span(0, 100, 200)
    assert all(0 <= y < 8 for _, y in dots(curve))


def test_steps_hold_their_value() -> None:
    curve = Curve(3, 1)
    curve.step([0, 3, 5], [0, 3, 3])
    assert {(0, 0), (1, 0), (2, 0), (3, 0), (3, 3), (4, 3), (5, 3)} <= dots(curve)


def test_two_curves_share_a_cell_and_a_cover_hides_what_is_below() -> None:
    low, high = Curve(1, 1), Curve(1, 1)
    low.span(0, 0, 0)
    high.span(1, 3, 3)
    both = Canvas(1, 1)
    both.add(low.cells(), 1)
    both.add(high.cells(), 2)
    assert both.rows() == [("⡈", b"\x02")]
    below, above = Canvas(1, 1), Canvas(1, 1)
    below.add(low.cells(), 1)
    above.add(high.cells(), 2)
    below.cover(above)
    assert below.rows() == [("⠈", b"\x02")]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 3), (160, 45)])
def test_rows_have_the_size_of_the_canvas(width: int, height: int) -> None:
    rows = Canvas(width, height).rows()
    assert len(rows) == height
    assert all(len(text) == len(owners) == width for text, owners in rows)
