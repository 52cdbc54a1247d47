"""The one place where text from a pack loses its power over the terminal.

What comes out is made of characters whose width every table agrees on, drawn left to right, with no
control, format or invisible character among them. The price: Arabic, Hebrew, Devanagari vowel
signs, flags and joined emoji are not shown faithfully inside panels.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec
from nanochat_sdk.forms import ChoiceField, Editor, Form, TextField
from nanochat_sdk.payload import (
    Axis,
    Cells,
    Chart,
    Child,
    Gauge,
    Heatmap,
    Line,
    Payload,
    Stack,
    Table,
    Text,
)

REPLACEMENT: Final = "\ufffd"
"""Stands for a character that must not be shown, so that tampering is seen."""
_DROP: Final = ""

# Characters that `_replacement` leaves alone one by one and that do not compose with each other:
# what panels are made of besides ASCII, recognised at the speed of a regular expression.
_PLAIN = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u024f\u0391-\u03a1\u03a3-\u03c9\u0400-\u0482\u048a-\u052f"
    "\u2010-\u2027\u2030-\u205e\u2070\u2071\u2074-\u208e\u20a0-\u20bf\u2150-\u218b\u2190-\u2328"
    "\u232b-\u23ff\u2500-\u262f\u2638-\u2689\u2690-\u2adb\u2add-\u2b73"
    "\u3001-\u3029\u3041-\u3096\u30a1-\u30fa\u4e00-\u9ffc\uac00-\ud7a3]*"
)


def _bounds(*ranges: tuple[int, int]) -> list[int]:
    """First and last code points of ascending ranges as one list, to be searched by `_within`."""
    return [bound for low, high in ranges for bound in (low, high + 1)]


# Where terminals, `wcwidth` and Rich do not agree on a width with Unicode's own table, where the
# width depends on the neighbour (flags, skin tones), and what is blank without being a space.
_UNSURE = _bounds(
    (0x115F, 0x11FF),  # Hangul vowels and finals, fillers
    (0x2630, 0x2637),  # trigrams
    (0x268A, 0x268F),
    (0x3164, 0x3164),
    (0x4DC0, 0x4DFF),  # hexagrams
    (0xD7B0, 0xD7FF),
    (0xFFA0, 0xFFA0),
    (0x1171E, 0x1171E),  # Ahom sign, a mark that does not combine everywhere
    (0x1D300, 0x1D376),  # Tai Xuan Jing symbols, counting rods
    (0x1F1E6, 0x1F1FF),
    (0x1F3FB, 0x1F3FF),
)
_INVISIBLE_MARKS = _bounds(
    (0x034F, 0x034F),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0xFE00, 0xFE0F),
    (0xE0100, 0xE01EF),
)
_VIRAMA = 9
_MAX_KNOWN = 8192
_MAX_MARKS_BEFORE_NFC = 3  # sorting a long run of marks takes quadratic time


def clean(text: str) -> str:
    """One line that is safe to show. Returns `text` itself when it already is."""
    if text.isascii() and text.isprintable():
        return text
    if _PLAIN.fullmatch(text):
        return text
    shown = _filter(text, _MAX_MARKS_BEFORE_NFC)
    composed = unicodedata.normalize("NFC", shown)
    if composed == shown and not _has_marks(shown):
        return shown
    return _filter(composed, 1)


def clean_lines(text: str) -> str:
    """Like `clean`, but keeps line breaks; for tracebacks and logs."""
    return "\n".join(clean(line) for line in text.expandtabs(4).split("\n"))


def clean_payload(payload: Payload) -> Payload:
    """The payload with every text in it clean; the same object when nothing had to change."""
    text = "".join(_texts(payload))
    if (text.isascii() and text.isprintable()) or _PLAIN.fullmatch(text):
        return payload
    return clean_struct(payload)


_T = TypeVar("_T")


def clean_struct(value: _T) -> _T:
    """Clean every string inside structs, lists and tuples. Styles and tags are plain ASCII by their
    types and pass unchanged."""
    result: Any = value
    if isinstance(value, str):
        result = clean(value)
    elif isinstance(value, list):
        result = [clean_struct(item) for item in value]
    elif isinstance(value, tuple):
        result = tuple(clean_struct(item) for item in value)
    elif isinstance(value, msgspec.Struct):
        fields = {name: clean_struct(getattr(value, name)) for name in value.__struct_fields__}
        if isinstance(value, Editor):
            fields["text"] = clean_lines(value.text)
        result = type(value)(**fields)
    return result  # type: ignore[no-any-return]


def _filter(text: str, max_marks: int) -> str:
    shown = text.translate(_SHOWN)
    if not _has_marks(shown):
        return shown
    out: list[str] = []
    marks = max_marks  # a mark without a base has nothing to sit on
    for char in shown:
        if unicodedata.category(char) != "Mn":
            out.append(char)
            marks = max_marks if char == " " else 0
        elif marks < max_marks:
            out.append(char)
            marks += 1
    return "".join(out)


def _has_marks(text: str) -> bool:
    return "Mn" in map(unicodedata.category, text)


class _Shown(dict[int, str]):
    """By code point what becomes of it, worked out when it is first seen. Bounded, or a panel that
    shows all there are would leave them in memory."""

    def __missing__(self, code: int) -> str:
        if len(self) >= _MAX_KNOWN:
            self.clear()
        shown = self[code] = _replacement(chr(code))
        return shown


_SHOWN = _Shown()


def _replacement(char: str) -> str:
    """What a character becomes: itself, "", " " or `REPLACEMENT`. Marks that may stay on their base
    are themselves."""
    category = unicodedata.category(char)
    code = ord(char)
    if char in "\t\n\r" or category == "Zs":
        return " "
    if category in ("Cf", "Me"):
        return _DROP
    if _within(code, _UNSURE):
        return REPLACEMENT
    if category == "Mn":
        if _within(code, _INVISIBLE_MARKS):
            return _DROP
        return REPLACEMENT if unicodedata.combining(char) == _VIRAMA else char
    if category in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Mc"):
        return REPLACEMENT
    if unicodedata.bidirectional(char) in ("R", "AL", "AN"):
        return REPLACEMENT  # would reorder the cells beside it
    return char


def _within(code: int, bounds: list[int]) -> bool:
    return bisect_right(bounds, code) % 2 == 1


def _texts(payload: Payload) -> Iterator[str]:
    """Every text of a payload that is shown."""
    if isinstance(payload, Text | Cells):
        for line in payload.lines:
            yield _joined(line)
    elif isinstance(payload, Table):
        yield payload.empty
        for column in payload.columns:
            yield column.title
        for row in payload.rows:
            yield _joined(row)
    elif isinstance(payload, Chart):
        yield from _chart_texts(payload)
    elif isinstance(payload, Gauge):
        yield payload.label
        yield payload.text
    elif isinstance(payload, Heatmap):
        yield from payload.rows
        yield from payload.column_labels
        yield _joined(payload.caption)
    elif isinstance(payload, Form):
        yield from _form_texts(payload)
    elif isinstance(payload, Editor):
        yield from (payload.id, payload.title, payload.message)
        # Line breaks stay, and are cleaned one by one.
        yield payload.text.replace("\n", "")
    elif isinstance(payload, Stack):
        child: Child
        for child in payload.children:
            yield from _texts(child.payload)


def _form_texts(form: Form) -> Iterator[str]:
    yield from (form.id, form.title, form.submit, form.message)
    for field in form.fields:
        yield from (field.name, field.label, field.help)
        if isinstance(field, TextField):
            yield field.value
        elif isinstance(field, ChoiceField):
            yield from (field.value, *field.choices)


def _chart_texts(chart: Chart) -> Iterator[str]:
    yield chart.empty
    yield _joined(chart.caption)
    axis: Axis | None
    for axis in (chart.x, chart.y, chart.right):
        if axis is not None:
            yield axis.label
    for plot in chart.plots:
        yield plot.label
    for mark in chart.marks:
        yield mark.label
    for rule in chart.rules:
        yield rule.label


def _joined(line: Line) -> str:
    return "".join([text for text, _style in line])
