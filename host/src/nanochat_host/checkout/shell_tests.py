"""Whether the test of an `if` holds: `[ -z "$X" ]`, `[[ "$A" == b ]]`, `[ "$N" -gt 1 ]`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from .shell import Variables, Word

_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-gt": operator.gt,
    "-ge": operator.ge,
    "-lt": operator.lt,
    "-le": operator.le,
}
_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*|[1-9@*])|\{([A-Za-z_]\w*|[1-9@*])(?::?-)?\})")


def test(words: list[Word], variables: Variables) -> bool | None:
    """None if that is only known on the machine. A variable the recipe has not set is empty, and
    it is run without arguments."""
    inner = list(words)
    negated = False
    while inner and inner[0].raw == "!":
        negated = not negated
        inner.pop(0)
    if not inner or inner[0].raw not in ("[", "[[", "test"):
        return None
    if inner.pop(0).raw != "test" and (not inner or inner.pop().raw not in ("]", "]]")):
        return None
    while inner and inner[0].raw == "!":
        negated = not negated
        inner.pop(0)
    holds = _holds(inner, variables)
    return None if holds is None else holds != negated


def _holds(words: list[Word], variables: Variables) -> bool | None:
    texts = [text_of(word, variables) for word in words]
    if len(words) == 1 and texts[0] is not None:
        return texts[0] != ""
    if len(words) == 2 and words[0].raw in ("-z", "-n") and texts[1] is not None:
        return (texts[1] == "") == (words[0].raw == "-z")
    if len(words) != 3:
        return None
    left, sign, right = texts[0], words[1].raw, texts[2]
    if left is None or right is None:
        return None
    if sign in _TEXTS:
        pattern = any(c in words[2].raw for c in "*?[") and words[2].raw[:1] not in "'\""
        return None if pattern else _TEXTS[sign](left, right)
    if sign in _NUMBERS and left.isdigit() and right.isdigit():
        return _NUMBERS[sign](int(left), int(right))
    return None


def text_of(word: Word, variables: Variables) -> str | None:
    """A word as it is compared; None if unknown."""
    if word.text is not None:
        return word.text
    raw = word.raw.strip('"')
    if raw == "$#":
        return "0"
    match = _REFERENCE.fullmatch(raw)
    return "" if match and (match[1] or match[2]) not in variables else None
