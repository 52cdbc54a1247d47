"""A panel's frame, drawn by the host: what a panel answers can never look like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, blank, fit, line_width, to_strip

SIDE = 2
"""Cells left and right of the body: the line and a space."""


@dataclass(frozen=True)
class Frame:
    """What stands in the frame. status: short state at the right, with its style. focused: keys
    go here. boxed: a line all round; else only a title line, for narrow screens."""

    title: str
    status: str = ""
    status_style: str = "muted"
    focused: bool = False
    failed: bool = False
    boxed: bool = True


def body_size(width: int, height: int, *, boxed: bool) -> tuple[int, int]:
    """Cells inside the frame of a panel of `width` x `height`."""
    return max(0, width - 2 * SIDE), max(0, height - (2 if boxed else 1))


def draw_frame(frame: Frame, body: Sequence[Strip], width: int, height: int,
               palette: Palette) -> list[Strip]:  # fmt: skip
    """Exactly `height` strips: the frame around a body of `body_size`."""
    line = "host-frame-focus" if frame.focused else "error" if frame.failed else "host-frame"
    strips = [_top(frame, width, line, palette)]
    if width < 2 * SIDE:
        strips += [blank(width, palette[""])] * (height - 1)
        return strips[:height]
    side = palette[line] if frame.boxed else palette[""]
    bar = "│" if frame.boxed else " "
    left, right = Segment(f"{bar} ", side), Segment(f" {bar}", side)
    strips += [Strip([left, *row, right], width) for row in body]
    if frame.boxed and height > 1:
        strips.append(to_strip([("╰" + "─" * (width - 2) + "╯", line)], width, palette))
    return strips[:height]


def _top(frame: Frame, width: int, line: str, palette: Palette) -> Strip:
    """Title at the left, status at the right, the line between."""
    first, last = ("╭─", "─╮") if frame.boxed else ("──", "──")
    title_style = "title" if frame.focused else "error-bold" if frame.failed else "bold"
    room = max(0, width - 6)
    title = fit(frame.title, room)
    status = fit(frame.status, max(0, room - cell_len(title) - 4))
    head: list[Piece] = [(first, line), (f" {title} " if title else "", title_style)]
    tail: list[Piece] = [(f" {status} " if status else "", frame.status_style), (last, line)]
    rest = width - line_width(head) - line_width(tail)
    return to_strip([*head, ("─" * max(0, rest), line), *tail], width, palette, mark="")
