"""Names that globs of panels mean. The library's own matching remembers 32,768 globs for good; a
panel that asks for another one with each frame would fill the core's memory with them."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

MAX_GLOBS = 1024
"""Remembered at a time."""


@lru_cache(maxsize=MAX_GLOBS)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def means(glob: str, name: str) -> bool:
    """The name is the glob itself or matches it."""
    return name == glob or _compiled(glob).match(name) is not None
