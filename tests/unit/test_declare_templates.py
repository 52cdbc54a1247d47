"""Templates of log lines: what they take, what they refuse, and that they cost one pass."""

from __future__ import annotations

from typing import Any

import pytest
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.template import MAX_LINE, compile_template


def read(template: str, line: str) -> dict[str, Any] | None:
    return compile_template(template).match(line)


@pytest.mark.parametrize(
    ("template", "line", "expected"),
    [
        ("loss {x:float}", "loss 1,234.5", {"x": 1234.5}),
        ("loss {x:float}ms", "loss -1e-3ms", {"x": -1e-3}),
        ("loss {x:float}", "loss inf", {"x": float("inf")}),
        ("n={n:int}, m={m:int}", "n=6, m=-1", {"n": 6, "m": -1}),
        ("n={n:int}, m={m:int}", "n=6.5, m=1", None),
        ("who {name:word}: {rest:text}", "who me: a b c", {"name": "me", "rest": "a b c"}),
        ("who {name:word}: {rest:text}", "who me too: a", None),
        ("[T] {*}total={t:float}ms{*}", "[T] a=1ms, total=2.5ms, b=3", {"t": 2.5}),
        ("[T] {*}total={t:float}ms{*}", "[T] a=1ms", None),
        ("s_{step:int}{*}", "s_12", {"step": 12}),
        ("s_{step:int}{*}", "s_12_sample_0", {"step": 12}),
        ("stats {{{*}'e': {e:int}}}", "stats {'a': 1, 'e': 2}", {"e": 2}),
        ("end {a:text}", "end ", None),
        ("only words", "only words", {}),
        ("only words", "only words and more", None),
        ("big {n:int}", "big 99999999999999999999", None),
    ],
)
def test_what_a_template_takes(template: str, line: str, expected: dict[str, Any] | None) -> None:
    assert read(template, line) == expected


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "1 to 400"),
        ("x" * 401, "1 to 400"),
        ("{x:int} y", "begin with text"),
        ("  {x:int}", "begin with text"),
        ("a {x:int", "not closed"),
        ("a } b", "lone"),
        ("a {x} b", "no field"),
        ("a {x:regex} b", "no field"),
        ("a {x:text}{y:text}", "must be text after"),
        ("a {*}{y:word}", "must be text after"),
        ("a {x:int} {x:int}", "twice"),
        ("a\nb {x:int}", "cannot be printed"),
        ("a " + "{*},{*};" * 17 + "{x:int}", "at most 32 fields"),
    ],
)
def test_a_template_that_cannot_be_says_why(template: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        compile_template(template)


class Counted(str):
    """A line that counts the characters looked at."""

    looked: int

    def find(self, text: str, start: int = 0, *rest: Any) -> int:  # type: ignore[override]
        found = str.find(self, text, start, *rest)
        self.looked += (found if found >= 0 else len(self)) + len(text) - start
        return found

    def startswith(self, text: str, start: int = 0, *rest: Any) -> bool:  # type: ignore[override]
        self.looked += len(text)
        return str.startswith(self, text, start, *rest)

    def __getitem__(self, part: Any) -> str:
        self.looked += part.stop - part.start
        return str.__getitem__(self, part)


HOSTILE = [
    ("a" + "{*}a" * 30 + "{*}b", "a"),  # what a backtracking matcher dies of
    ("a {x0:text}a" + "".join(f"{{x{i}:text}}a" for i in range(1, 30)) + "b", "a"),
    ("a{*}" + "a" * 200 + "b", "a"),
    ("x{n:float}y{*}x{m:float}y", "x1"),
    ("a{*}aab{*}aab{*}aab", "ab"),
]


@pytest.mark.parametrize(("template", "unit"), HOSTILE)
def test_hostile_lines_cost_a_few_looks_at_each_character(template: str, unit: str) -> None:
    compiled = compile_template(template)
    costs = []
    for length in (4_000, 16_000, 64_000):
        line = Counted((unit * length)[:length])
        line.looked = 0
        compiled.match(line)
        costs.append(line.looked / length)
    # Each character is passed by one field and copied once; literals are read besides.
    assert max(costs) <= 2.5
    assert costs[2] <= costs[0] + 0.1


def test_a_line_that_is_too_long_fits_nothing() -> None:
    assert read("a{*}", "a" * MAX_LINE) == {}
    assert read("a{*}", "a" * (MAX_LINE + 1)) is None


def test_numbers_are_bounded() -> None:
    assert read("n {x:int}", "n " + "1" * 60) is None
    assert read("n {x:float}", "n 1" + "0" * 100) is None
