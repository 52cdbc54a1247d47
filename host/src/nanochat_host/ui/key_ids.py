"""An id for every binding, by which a keymap of the person's own can move it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from textual.binding import Binding, BindingType

_PARTS = re.compile(r"-?[A-Za-z0-9_]+")


def with_ids(place: str, bindings: Sequence[BindingType]) -> list[BindingType]:
    """The bindings, each with an id made of the place and its action, for example
    "dashboard.steer.save" for `steer('save')`. Actions of the app have one id wherever they are
    offered; ids given by hand stay."""
    return [
        replace(binding, id=_id(place, binding.action))
        if isinstance(binding, Binding) and not binding.id
        else binding
        for binding in bindings
    ]


def _id(place: str, action: str) -> str:
    name = ".".join(_PARTS.findall(action))
    return name if name.startswith("app.") else f"{place}.{name}"
