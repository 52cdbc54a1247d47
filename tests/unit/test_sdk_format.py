"""Numbers as people read them, whatever the number is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanochat_sdk import format as fmt

CASES: list[tuple[Callable[..., str], Any, str]] = [
    (fmt.number, 2.41844, "2.418"),
    (fmt.number, 0.004182, "0.004182"),
    (fmt.number, 10782.4, "10,782"),
    (fmt.number, 3.086e19, "3.09e+19"),
    (fmt.number, 1e-9, "1.00e-09"),
    (fmt.number, math.nan, "NaN"),
    (fmt.number, -math.inf, "-inf"),
    (fmt.number, 10**400, "huge"),
    (fmt.number, None, "–"),
    (fmt.number, True, "–"),
    (fmt.fixed, 2.4, "2.40"),
    (fmt.integer, 1179726, "1,179,726"),
    (fmt.integer, -0.4, "0"),
    (fmt.short, 999, "999"),
    (fmt.short, 999_999, "1M"),
    (fmt.short, 1179726, "1.18M"),
    (fmt.short, 5.22e9, "5.22B"),
    (fmt.short, -12_345, "-12.3k"),
    (fmt.tokens, 61440, "61.4k tok"),
    (fmt.tokens, math.nan, "NaN"),
    (fmt.percent, 41.23, "41.2 %"),
    (fmt.percent, None, "–"),
    (fmt.size, 512, "512 B"),
    (fmt.size, 4727083, "4.51 MiB"),
    (fmt.size, 80 * 2**30, "80.0 GiB"),
    (fmt.duration, 0.42, "0.4s"),
    (fmt.duration, 59.7, "1m00s"),
    (fmt.duration, 192, "3m12s"),
    (fmt.duration, 7500, "2h05m"),
    (fmt.duration, 273600, "3d04h"),
    (fmt.duration, -5, "-5.0s"),
    (fmt.latency, 0.0843, "84.3 ms"),
    (fmt.latency, 1.24, "1.24 s"),
    (fmt.latency, 0.000312, "312 µs"),
    (fmt.latency, 192, "3m12s"),
    (fmt.dollars, 0.42, "$0.42"),
    (fmt.dollars, 1204.4, "$1,204"),
    (fmt.dollars, -3, "-$3.00"),
]


@pytest.mark.parametrize(("function", "value", "shown"), CASES)
def test_values_are_written_as_documented(
    function: Callable[..., str], value: Any, shown: str
) -> None:
    assert function(value) == shown


@pytest.mark.parametrize(
    ("passed_s", "shown"),
    [(2, "just now"), (40, "40s ago"), (130, "2m ago"), (7300, "2h ago"), (200000, "2d ago")],
)
def test_ages(passed_s: float, shown: str) -> None:
    assert fmt.age(1e9 + passed_s, 1e9) == shown


def test_an_age_of_something_that_never_was() -> None:
    assert fmt.age(1e9, 0) == fmt.age(math.nan, 1e9) == fmt.UNKNOWN
    assert fmt.age(1e9, 2e9) == "just now"


@given(st.one_of(st.floats(), st.integers(), st.none(), st.text(), st.booleans()))
def test_nothing_raises_and_nothing_is_long(value: Any) -> None:
    for function in (fmt.number, fmt.fixed, fmt.integer, fmt.short, fmt.tokens, fmt.percent,
                     fmt.size, fmt.duration, fmt.latency, fmt.dollars):  # fmt: skip
        assert 1 <= len(function(value)) <= 24
    assert fmt.age(value, value)


@given(st.text(max_size=60), st.integers(0, 40))
def test_fitted_text_has_exactly_the_width_asked_for(text: str, width: int) -> None:
    text = fmt.plain(text)
    assert fmt.cells(fmt.cut(text, width)) <= width
    assert fmt.cells(fmt.fit(text, width)) == width
    assert fmt.cells(fmt.fit(text, width, "right")) == width


def test_wide_characters_count_twice_and_combining_ones_not_at_all() -> None:
    assert fmt.cells("日本") == 4
    assert fmt.cells("e\u0301") == 1
    assert fmt.cut("日本語", 4) == "日…"


def test_plain_text_has_no_escapes_controls_or_tabs() -> None:
    dirty = "\x1b[32m\x1b[1mINFO\x1b[0m a\tb\x07\r\n\x1b]8;;http://x\x07link\x1b]8;;\x07\u200b"
    assert fmt.plain(dirty).split() == ["INFO", "a", "b", "link"]
    assert fmt.plain(dirty).isprintable()
    assert len(fmt.plain("x" * 9000, limit=100)) == 100
    assert fmt.plain(None) == "None"
