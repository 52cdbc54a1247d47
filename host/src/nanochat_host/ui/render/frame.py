"""A panel's frame, drawn by the host: what a panel answers can never look like it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, blank, fit, line_width, to_strip

SIDE = 2
"""Cells left and right of the body: the line and a space."""


class Frame(msgspec.Struct, frozen=True):
    """What stands in the frame. status: short state at the right, with its style. focused: keys
    go here. boxed: a line all round; else only a title line, for narrow screens. badge: how a
    panel is held, and the pack it comes from. edit: "" or, while the layout is edited, "open" or
    "chosen". quiet: the badge is what everyone expects: it is as dim as the line, and where there
    is none it is left out."""

    title: str
    status: str = ""
    status_style: str = "muted"
    focused: bool = False
    failed: bool = False
    boxed: bool = True
    badge: str = ""
    edit: str = ""
    quiet: bool = False


LINES = {"": "╭─╮│╰╯", "open": "┌╌┐╎└┘", "chosen": "┏━┓┃┗◢"}
"""Corners and lines of a frame. The last one is where the mouse takes hold to resize."""


def body_size(width: int, height: int, *, boxed: bool) -> tuple[int, int]:
    """Cells inside the frame of a panel of `width` x `height`."""
    return max(0, width - 2 * SIDE), max(0, height - (2 if boxed else 1))


def draw_frame(frame: Frame, body: Sequence[Strip], width: int, height: int,
               palette: Palette) -> list[Strip]:  # fmt: skip
    """Exactly `height` strips: the frame around a body of `body_size`."""
    line = "error" if frame.failed else "host-frame"
    if frame.focused or frame.edit == "chosen":
        line = "host-frame-focus"
    strips = [_top(frame, width, line, palette)]
    if width < 2 * SIDE:
        strips += [blank(width, palette[""])] * (height - 1)
        return strips[:height]
    lines = LINES[frame.edit]
    side = palette[line]
    bar = lines[3] if frame.boxed or frame.edit else " "
    left, right = Segment(f"{bar} ", side), Segment(f" {bar}", side)
    strips += [Strip([left, *row, right], width) for row in body]
    if frame.boxed and height > 1:
        strips.append(_bottom(frame, width, line, palette))
    elif frame.edit == "chosen" and len(body) > 0:
        strips[-1] = Strip([left, *body[-1], Segment(f" {lines[5]}", side)], width)
    return strips[:height]


def _bottom(frame: Frame, width: int, line: str, palette: Palette) -> Strip:
    """The badge at the right, else only the line."""
    dash, first, last = LINES[frame.edit][1], LINES[frame.edit][4], LINES[frame.edit][5]
    badge = f" {fit(frame.badge, max(0, width - 8))} " if frame.badge else ""
    rest = dash * max(0, width - 3 - cell_len(badge))
    return to_strip([(f"{first}{rest}", line), (badge, "host-frame" if frame.quiet else "muted"),
                     (f"{dash}{last}", line)], width, palette, mark="")  # fmt: skip


def _top(frame: Frame, width: int, line: str, palette: Palette) -> Strip:
    """Title at the left, status at the right, the line between."""
    corner, dash, end = list(LINES[frame.edit])[:3]
    boxed = frame.boxed or frame.edit
    first, last = (corner + dash, dash + end) if boxed else ("──", "──")
    title_style = "title" if frame.focused else "error-bold" if frame.failed else "bold"
    room = max(0, width - 6)
    title = fit(f"≡ {frame.title}" if frame.edit else frame.title, room)
    # Without a line below, the badge stands before the state.
    badge = "" if frame.boxed or frame.quiet else frame.badge
    told = " · ".join(part for part in (badge, frame.status) if part)
    status = fit(told, max(0, room - cell_len(title) - 4))
    head: list[Piece] = [(first, line), (f" {title} " if title else "", title_style)]
    tail: list[Piece] = [(f" {status} " if status else "", frame.status_style), (last, line)]
    rest = width - line_width(head) - line_width(tail)
    return to_strip([*head, (dash * max(0, rest), line), *tail], width, palette, mark="")
