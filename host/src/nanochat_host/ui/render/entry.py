"""What a person has entered into a panel's form or editor and not sent yet. Pure: states and keys.

The payload says which fields there are; this says what stands in them and where the cursor is.
"""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace
from nanochat_sdk.forms import (
    BoolField,
    ChoiceField,
    Editor,
    Entered,
    Field,
    Form,
    NumberField,
    entry_trouble,
    initial,
)

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
Raw = str | bool
"""A field's content while it is being edited: numbers and choices as text."""


class Entry(msgspec.Struct, frozen=True):
    """id: of the form or editor it belongs to. shape: its fields, so that another form under the
    same id does not inherit what was typed. typed: what was changed, by field name; an editor's
    draft under "". at: the field the keys go to, one past the last is the button. cursor: in its
    text. active: keys go here. wrong: why it was not sent."""

    id: str
    shape: tuple[tuple[str, str], ...] = ()
    typed: dict[str, Raw] = {}
    at: int = 0
    cursor: int = 0
    active: bool = False
    wrong: str = ""


def shape_of(payload: Form | Editor) -> tuple[tuple[str, str], ...]:
    """Names and kinds of the fields."""
    if isinstance(payload, Editor):
        return ()
    return tuple((one.name, type(one).__name__) for one in payload.fields)


def fits(payload: Form | Editor, entry: Entry | None) -> bool:
    """The entry belongs to what is shown."""
    return entry is not None and (payload.id, shape_of(payload)) == (entry.id, entry.shape)


def raw_of(one: Field, entry: Entry | None) -> Raw:
    """What stands in a field."""
    if entry is not None and one.name in entry.typed:
        return entry.typed[one.name]
    value = initial(one)
    if isinstance(value, bool | str):
        return value
    return "" if value is None else f"{value:.15g}"


def enter(form: Form, entry: Entry | None, at: int = 0) -> Entry:
    """Keys go to the form from now on, to field `at` first."""
    kept = entry if entry is not None and fits(form, entry) else Entry(form.id, shape_of(form))
    return _goto(form, replace(kept, active=True), at)


def leave(entry: Entry) -> Entry:
    """Keys go to the panel again; what was typed stays."""
    return replace(entry, active=False)


def press(form: Form, entry: Entry, key: str, character: str | None) -> Entry | None:
    """The entry after a key, None for a key that a form has no use for."""
    moves = {"tab": 1, "down": 1, "shift+tab": -1, "up": -1}
    if key in moves:
        return _goto(form, entry, entry.at + moves[key])
    if entry.at == len(form.fields):
        return None
    one = form.fields[entry.at]
    if key == "enter":
        return _goto(form, entry, entry.at + 1)
    if isinstance(one, BoolField):
        if key in ("space", "left", "right"):
            return _put(entry, one, not raw_of(one, entry))
    elif isinstance(one, ChoiceField):
        step = {"left": -1, "right": 1, "space": 1}.get(key, 0)
        if step:
            place = one.choices.index(str(raw_of(one, entry))) + step
            return _put(entry, one, one.choices[place % len(one.choices)])
    elif (edited := _edit(str(raw_of(one, entry)), entry.cursor, key, character)) is not None:
        text, cursor = edited
        return replace(_put(entry, one, text[: _most(one)]), cursor=min(cursor, _most(one)))
    return entry if character is not None and character.isprintable() else None


def paste(form: Form, entry: Entry, text: str) -> Entry:
    """The entry after a paste; line breaks become spaces."""
    if entry.at == len(form.fields):
        return entry
    one = form.fields[entry.at]
    if isinstance(one, BoolField | ChoiceField):
        return entry
    before, cursor = str(raw_of(one, entry)), entry.cursor
    added = " ".join(text.split("\n")).strip("\r")
    joined = (before[:cursor] + added + before[cursor:])[: _most(one)]
    return replace(_put(entry, one, joined), cursor=min(cursor + len(added), len(joined)))


def filled(form: Form, entry: Entry | None) -> tuple[dict[str, Entered], int, str]:
    """Values as the panel gets them, and the first field that is wrong: (values, index, why), why
    "" when all are right."""
    values: dict[str, Entered] = {}
    for index, one in enumerate(form.fields):
        value: Entered = raw_of(one, entry)
        if isinstance(one, NumberField):
            value = _number(one, str(value))
        if trouble := entry_trouble(one, value):
            return {}, index, f"{one.label} {trouble}"
        values[one.name] = value
    return values, 0, ""


def blame(form: Form, entry: Entry, at: int, wrong: str) -> Entry:
    """Back to the field that is wrong, with the reason."""
    return replace(_goto(form, replace(entry, active=True), at), wrong=wrong)


def _number(one: NumberField, text: str) -> Entered:
    """The number typed, None for nothing; text that is no number stays text and is refused."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    exact = one.whole and abs(number) < 2**53 and number == int(number)
    return int(number) if exact else number


def _most(one: Field) -> int:
    """Characters its text may have."""
    return 40 if isinstance(one, NumberField) else getattr(one, "max_length", 0)


def _put(entry: Entry, one: Field, raw: Raw) -> Entry:
    return replace(entry, typed={**entry.typed, one.name: raw}, wrong="")


def _goto(form: Form, entry: Entry, at: int) -> Entry:
    at %= len(form.fields) + 1
    raw = raw_of(form.fields[at], entry) if at < len(form.fields) else ""
    return replace(entry, at=at, cursor=len(raw) if isinstance(raw, str) else 0, wrong="")


def _edit(text: str, cursor: int, key: str, character: str | None) -> tuple[str, int] | None:
    """Text and cursor after a key, None if it edits nothing."""
    match key:
        case "left":
            return text, max(0, cursor - 1)
        case "right":
            return text, min(len(text), cursor + 1)
        case "home" | "ctrl+a":
            return text, 0
        case "end" | "ctrl+e":
            return text, len(text)
        case "backspace":
            return text[: max(0, cursor - 1)] + text[cursor:], max(0, cursor - 1)
        case "delete":
            return text[:cursor] + text[cursor + 1 :], cursor
        case "ctrl+u":
            return text[cursor:], 0
    if character is not None and character.isprintable():
        return text[:cursor] + character + text[cursor:], cursor + len(character)
    return None
