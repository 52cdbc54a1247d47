"""What text can do to a terminal: the judge of payloads."""

from __future__ import annotations

import io
import re
import time
import unicodedata
from typing import Any

from nanochat_host.ui.render.draw import draw
from nanochat_host.ui.render.palette import palette_of
from nanochat_sdk.payload import Payload
from rich.cells import cell_len
from rich.console import Console
from rich.errors import MarkupError
from rich.text import Text
from textual.theme import BUILTIN_THEMES
from wcwidth import wcswidth

WIDTH, HEIGHT = 60, 20
_PALETTE = palette_of(BUILTIN_THEMES["textual-dark"])
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_HARMFUL = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def harm_when_drawn(payload: Payload) -> list[str]:
    """Draw as the screen does and look at the bytes for the terminal."""
    strips = draw(payload, WIDTH, HEIGHT, _PALETTE)
    found = [] if len(strips) == HEIGHT else [f"{len(strips)} lines instead of {HEIGHT}"]
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=WIDTH,
        legacy_windows=False,
    )
    for strip in strips:
        found += harm_in(strip.render(console), WIDTH)
        for segment in strip:
            style = segment.style
            if segment.control or (style and (style.link or style.meta)):
                found.append("a link or an action")
    return sorted(set(found))


def drawing_s(payload: Payload) -> float:
    """Seconds of processor time that the screen stands still to draw it."""
    start = time.process_time()
    draw(payload, WIDTH, HEIGHT, _PALETTE)
    return time.process_time() - start


def harm_in(text: str, width: int | None = None) -> list[str]:
    """What a terminal would act on besides colours, or show elsewhere than it seems. text: lines.
    width: what each line must take, in cells."""
    found = set()
    for line in text.split("\n"):
        plain = _COLOURS.sub("", line)
        marks = 0
        for char in plain:
            category = unicodedata.category(char)
            if category in _HARMFUL:
                found.add(f"U+{ord(char):04X}")
            elif unicodedata.bidirectional(char) in ("R", "AL", "AN"):
                found.add(f"right to left U+{ord(char):04X}")
            marks = marks + 1 if category in ("Mn", "Me") else 0
            if marks > 2:
                found.add("a flood of marks")
        if width is not None and {wcswidth(plain), cell_len(plain)} != {width}:
            found.add(f"{wcswidth(plain)} or {cell_len(plain)} cells instead of {width}")
    return sorted(found)


def harm_unfiltered(body: Any) -> list[str]:
    """What the body would do in a host that writes its texts as they come."""
    found: set[str] = set()
    for text in _texts(body):
        found.update(harm_in(text))
        if any(
            wcswidth(line) != cell_len(line) or wcswidth(line) > WIDTH for line in text.split("\n")
        ):
            found.add("width")
        try:
            if Text.from_markup(text).spans:
                found.add("markup")
        except MarkupError:
            found.add("markup that cannot be read")
    return sorted(found)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []
