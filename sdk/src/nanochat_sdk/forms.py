"""Payloads that a person fills in. The host draws them, edits them and checks what was entered;
the panel gets a `FormSubmitted` or an `EditorSubmitted` once the person says so.

No field is for secrets: what is typed here goes to the panel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from nanochat_sdk.scalars import Finite, Label, Name, PayloadBase
from nanochat_sdk.style import Style

MAX_FIELDS = 24
MAX_ENTRY = 1000
"""Characters of one text field."""
MAX_EDITOR = 16 * 1024
"""Characters of an editor."""

Entered: TypeAlias = str | int | float | bool | None
"""What a field holds; None is an optional number left empty."""


class _Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """name: key of the submitted values, unique in its form. help: one line shown while the field
    is being filled in."""

    name: Name
    label: Label


class TextField(_Field, frozen=True, tag="text"):
    """One line of text."""

    value: Annotated[str, Meta(max_length=MAX_ENTRY)] = ""
    help: Label = ""
    max_length: Annotated[int, Meta(ge=1, le=MAX_ENTRY)] = 200
    required: bool = False


class NumberField(_Field, frozen=True, tag="number"):
    """A finite number. lo/hi: bounds, inclusive. whole: submitted as int, else as float."""

    value: Finite | None = None
    help: Label = ""
    lo: Finite | None = None
    hi: Finite | None = None
    whole: bool = False
    required: bool = False


class ChoiceField(_Field, frozen=True, tag="choice"):
    """One of several. value "": the first. Submitted as it is shown."""

    choices: Annotated[list[Label], Meta(min_length=1, max_length=64)]
    value: Label = ""
    help: Label = ""


class BoolField(_Field, frozen=True, tag="bool"):
    """Yes or no."""

    value: bool = False
    help: Label = ""


Field: TypeAlias = TextField | NumberField | ChoiceField | BoolField


class Form(PayloadBase, frozen=True, tag="form"):
    """Fields and a button. id: comes back with the submission; another id discards what was typed.
    submit: words on the button. message: one line, for example what was wrong with the last
    submission."""

    fields: Annotated[list[Field], Meta(min_length=1, max_length=MAX_FIELDS)]
    id: Name = "form"
    title: Label = ""
    submit: Label = "Send"
    message: Label = ""
    message_style: Style = "muted"


class Editor(PayloadBase, frozen=True, tag="editor"):
    """Several lines of text that the person edits. id: comes back with the submission; another id
    discards what was typed. message: one line above the text."""

    text: Annotated[str, Meta(max_length=MAX_EDITOR)] = ""
    id: Name = "editor"
    title: Label = ""
    max_length: Annotated[int, Meta(ge=1, le=MAX_EDITOR)] = 4096
    message: Label = ""
    message_style: Style = "muted"


def initial(field: Field) -> Entered:
    """What the field holds before anybody touched it."""
    return field.value or field.choices[0] if isinstance(field, ChoiceField) else field.value


def form_trouble(form: Form) -> Iterator[str]:
    """What types cannot say about a form, each in one line."""
    seen: set[str] = set()
    for field in form.fields:
        if field.name in seen:
            yield f"two fields are named `{field.name}`"
        seen.add(field.name)
        if wrong := _field_trouble(field):
            yield f"field `{field.name}` {wrong}"


def editor_trouble(editor: Editor) -> Iterator[str]:
    """What types cannot say about an editor."""
    if len(editor.text) > editor.max_length:
        yield f"the editor's text is longer than its max_length of {editor.max_length}"


def entry_trouble(field: Field, value: Entered) -> str:
    """Why a value is none that the field allows, in words for the person; "" when it is."""
    match field:
        case BoolField():
            return "" if isinstance(value, bool) else "is yes or no"
        case ChoiceField():
            return "" if value in field.choices else "is not one of the choices"
        case TextField():
            if not isinstance(value, str) or len(value) > field.max_length:
                return f"takes at most {field.max_length} characters"
            return "is needed" if field.required and not value.strip() else ""
        case NumberField():
            return _number_trouble(field, value)


def _number_trouble(field: NumberField, value: Entered) -> str:
    if value is None:
        return "is needed" if field.required else ""
    if isinstance(value, bool | str) or abs(value) > 1e300 or value != value:
        return "is not a number"
    if field.whole and value != int(value):
        return "is a whole number"
    if field.lo is not None and value < field.lo:
        return f"is at least {field.lo:g}"
    if field.hi is not None and value > field.hi:
        return f"is at most {field.hi:g}"
    return ""


def _field_trouble(field: Field) -> str:
    if isinstance(field, NumberField):
        if field.lo is not None and field.hi is not None and field.lo > field.hi:
            return "has lo above hi"
        return "" if field.value is None else _number_trouble(field, field.value)
    if isinstance(field, ChoiceField):
        if len(set(field.choices)) != len(field.choices):
            return "has the same choice twice"
        return entry_trouble(field, field.value) if field.value else ""
    if isinstance(field, TextField) and len(field.value) > field.max_length:
        return f"has a value longer than its max_length of {field.max_length}"
    return ""
