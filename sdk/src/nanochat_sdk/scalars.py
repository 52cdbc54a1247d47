"""The bounded values that payloads are made of, and the base they share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from nanochat_sdk.style import Style

MAX_TEXT = 4096
MAX_ROWS = 2000
MAX_POINTS = 4096

Str = Annotated[str, Meta(max_length=MAX_TEXT)]
Label = Annotated[str, Meta(max_length=200)]
# \Z, because $ also matches before a line break at the end.
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*\Z", max_length=40)]
"""What code calls a field, a form or an editor; never shown."""
Floats = Annotated[bytes, Meta(max_length=MAX_POINTS * 8)]
"""Packed little-endian float64; NaN and infinities are allowed and drawn as gaps with a mark."""
Unit = Annotated[float, Meta(ge=0.0, le=1.0)]
Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]

Span: TypeAlias = tuple[Str, Style]
"""A run of text in one style."""
Line: TypeAlias = Annotated[list[Span], Meta(max_length=400)]


class PayloadBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the closed union `Payload`; `kind` is the struct's lower-case name."""
