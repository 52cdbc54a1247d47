"""TOML of persons and of packs, read so that no text hangs its reader or fells it."""

from __future__ import annotations

import tomllib
from typing import Any

from nanochat_sdk.manifest import MAX_LINE


def tables(text: str) -> dict[str, Any]:
    """What the text says. Raises ValueError, of which TOMLDecodeError is one: also for a key of
    thousands of parts, for nesting without end, for a number of thousands of digits."""
    if any(len(line) > MAX_LINE for line in text.splitlines()):
        raise ValueError(f"a line is longer than {MAX_LINE} characters")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
