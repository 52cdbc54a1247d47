"""Strips for terminals without Unicode: the same cells, ASCII characters only."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

_FRAME = {
    "─╌┈╴╶": "-", "━╸╺═": "=", "│┃┊┆║‖╵╷": "|", "┌┐└┘├┤┬┴┼╭╮╰╯": "+", "●◆•◍": "*", "✗✖×": "x",
    "✓": "v",
    "○◌": "o", "·∙": ".", "…": "~", "▲↑": "^", "▼↓": "v", "▶›→▸": ">", "◀‹←": "<", "█▉▊▋▓": "#",
    "▌▍▒▐": "=", "▎▏░": "-", "▁▂": "_", "▃▄": ".", "▅▆": "o", "▇": "#", "▀": "#", "–—": "-",
    "┏┓┗┛": "+", "╎╏": ":", "◢": "/", "≡": "=", "⇧": "S", "⏎": ">", "⌫": "<",
    "‘’": "'", "“”": '"', "⤢": "%",
}  # fmt: skip


def _braille(bits: int) -> str:
    """The ASCII character whose ink lies nearest to the dots."""
    upper = bits & (0x01 | 0x02 | 0x08 | 0x10)
    lower = bits & (0x04 | 0x40 | 0x20 | 0x80)
    if upper and lower:
        return ":" if bits.bit_count() > 2 else "-"
    return "'" if upper else "." if lower else " "


_TABLE: dict[int, str] = {
    **{ord(char): plain for chars, plain in _FRAME.items() for char in chars},
    **{0x2800 + bits: _braille(bits) for bits in range(256)},
}


def plain(text: str) -> str:
    """The text with every character outside ASCII replaced by as many cells of it."""
    if text.isascii():
        return text
    text = text.translate(_TABLE)
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text)


def to_ascii(strips: list[Strip]) -> list[Strip]:
    """Replace every character outside ASCII by one of the same width."""
    return [
        Strip([Segment(plain(text), style) for text, style, _ in strip], strip.cell_length)
        for strip in strips
    ]
