"""Several parts of a whole in one bar."""

from __future__ import annotations

from nanochat_sdk.bars import stacked
from nanochat_sdk.testing import series


def test_roundings_do_not_add_up() -> None:
    thirds = stacked([(1.0, "series-1"), (1.0, "series-2"), (1.0, "muted")], 3.0, 10)
    assert [(len(text), style) for text, style in thirds] == [
        (3, "series-1"), (4, "series-2"), (3, "muted"),
    ]  # fmt: skip
    many = stacked([(0.1, "muted")] * 100, 10.0, 7)
    assert sum(len(text) for text, _style in many) == 7


def test_parts_that_are_more_than_the_whole_end_with_the_bar() -> None:
    assert stacked([(2.0, "series-1"), (1.0, "series-2")], 1.0, 5) == [("█████", "series-1")]
    assert stacked([], 1.0, 5) == []


def test_a_series_knows_the_sum_of_its_points() -> None:
    assert series("train/loss", [1.0, 2.0, 4.5]).sum() == 7.5
