"""Forms and editors as strips: what the panel asks for, with what a person has typed so far."""

from __future__ import annotations

from nanochat_sdk.forms import BoolField, ChoiceField, Editor, Field, Form, NumberField, TextField
from rich.cells import cell_len
from textual.strip import Strip

from nanochat_host.packs.sanitize import clean, clean_lines
from nanochat_host.ui.render.entry import Entry, fits, raw_of
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, fill_height, fit, pad, to_strip

GAP = 2
MOST_BOX = 48
"""Cells of a text box at most: a longer one is no easier to fill in."""


def draw_form(
    form: Form, width: int, height: int, palette: Palette, entry: Entry | None = None
) -> list[Strip]:
    """Exactly `height` strips; the field that keys go to is in view."""
    entry = entry if fits(form, entry) else None
    rows = _rows(form, width, entry)
    first = _first_row(form, height, entry)
    strips = [to_strip(row, width, palette, mark="") for row in rows[first : first + height]]
    return fill_height(strips, width, height, palette)


def field_at(form: Form, height: int, entry: Entry | None, y: int) -> int | None:
    """Which field, or one past the last for the button, is drawn in row `y`."""
    entry = entry if fits(form, entry) else None
    row = _first_row(form, height, entry) + y - _head(form)
    if 0 <= row < len(form.fields):
        return row
    return len(form.fields) if row == len(form.fields) + 1 else None


def draw_editor(
    editor: Editor, width: int, height: int, palette: Palette, entry: Entry | None = None
) -> list[Strip]:
    """Exactly `height` strips: the text as the person left it, else as the panel gave it."""
    draft = entry.typed.get("") if entry is not None and fits(editor, entry) else None
    wrong = entry.wrong if entry is not None else ""
    text = clean_lines(draft) if isinstance(draft, str) else editor.text
    rows = _editor_head(editor, wrong)
    rows += [[(line, "")] for line in text.split("\n")[:height]]
    return fill_height([to_strip(row, width, palette) for row in rows], width, height, palette)


def editor_head(editor: Editor) -> int:
    """Rows above the text."""
    return len(_editor_head(editor, ""))


def _editor_head(editor: Editor, wrong: str) -> list[list[Piece]]:
    message: Piece = (wrong, "error") if wrong else (editor.message, editor.message_style)
    return [[piece] for piece in ((editor.title, "title"), message) if piece[0]]


def _head(form: Form) -> int:
    return 1 if form.title else 0


def _first_row(form: Form, height: int, entry: Entry | None) -> int:
    """The first row shown when not all fit: the one that keys go to stays in view."""
    total = _head(form) + len(form.fields) + 2
    if total <= height or entry is None or not entry.active:
        return 0
    at = _head(form) + (entry.at if entry.at < len(form.fields) else entry.at + 1)
    return max(0, min(at - height // 2, total - height))


def _rows(form: Form, width: int, entry: Entry | None) -> list[list[Piece]]:
    labels = min(max(cell_len(one.label) for one in form.fields), max(1, width * 2 // 5))
    box = max(1, min(MOST_BOX, width - labels - GAP))
    rows: list[list[Piece]] = [[(form.title, "title")]] if form.title else []
    for index, one in enumerate(form.fields):
        active = entry is not None and entry.active and entry.at == index
        label: Piece = (pad(one.label, labels), "bold" if active else "muted")
        rows.append([label, (" " * GAP, ""), *_box(one, box, entry, active)])
    rows.append([_message(form, entry)])
    pressed = entry is not None and entry.active and entry.at == len(form.fields)
    rows.append([(f"[ {form.submit} ]", "host-selection" if pressed else "primary")])
    return rows


def _message(form: Form, entry: Entry | None) -> Piece:
    """Why it was not sent, else a hint for the field that keys go to, else the panel's word."""
    if entry is not None and entry.wrong:
        return clean(entry.wrong), "error"
    if entry is not None and entry.active and entry.at < len(form.fields):
        one = form.fields[entry.at]
        if hint := one.help or _bounds(one):
            return hint, "muted"
    return form.message, form.message_style


def _bounds(one: Field) -> str:
    if not isinstance(one, NumberField):
        return ""
    words = "a whole number" if one.whole else "a number"
    if one.lo is not None and one.hi is not None:
        return f"{words} from {one.lo:g} to {one.hi:g}"
    if one.lo is not None:
        return f"{words}, at least {one.lo:g}"
    return f"{words}, at most {one.hi:g}" if one.hi is not None else words


def _box(one: Field, room: int, entry: Entry | None, active: bool) -> list[Piece]:
    raw = raw_of(one, entry)
    style = "host-selection" if active else ""
    if isinstance(one, BoolField):
        return [("[x]" if raw else "[ ]", style)]
    text = clean(str(raw))
    if isinstance(one, ChoiceField):
        arrows = "muted" if not active else style
        return [("‹ ", arrows), (fit(text, room - 4), style), (" ›", arrows)]
    assert isinstance(one, TextField | NumberField)
    if not active or entry is None:
        return [(pad(text, room), "host-bar")]
    return _with_cursor(str(raw), entry.cursor, room)


def _with_cursor(raw: str, cursor: int, room: int) -> list[Piece]:
    """The part of the text around the cursor, which is a cell of its own after the last one."""
    before, at, after = clean(raw[:cursor]), clean(raw[cursor : cursor + 1]) or " ", ""
    while before and cell_len(before) + cell_len(at) > room:
        before = before[1:]
    left = room - cell_len(before) - cell_len(at)
    if left > 0:
        after = pad(clean(raw[cursor + 1 :]), left)
    return [(before, "host-selection"), (at, "reverse"), (after, "host-selection")]
