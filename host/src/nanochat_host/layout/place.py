"""From grid units to cells: where each panel of a screen lies on a terminal of a given size."""

from __future__ import annotations

import msgspec

from nanochat_host.layout.spec import At, Placement, ScreenSpec

NARROW = 100
"""Columns of the terminal below which `at_narrow` counts."""
STACKED_HEIGHT, MIN_ROW_CELLS = 9, 1.4
"""Cells of a panel that has no place of its own on a narrow screen; least cells of a grid row."""


class Box(msgspec.Struct, frozen=True):
    """A panel's rectangle in cells."""

    id: str
    x: int
    y: int
    width: int
    height: int


def is_narrow(width: int) -> bool:
    """`at_narrow` counts at this width of the terminal."""
    return width < NARROW


def place(screen: ScreenSpec, width: int, height: int, *, narrow: bool) -> list[Box]:
    """Boxes in the order of the panels. They never overlap and leave no gap between neighbours.

    A terminal too low for the grid yields boxes that reach below `height`: the screen scrolls. On
    a narrow one, panels without `at_narrow` follow below, full width, in the order of the file.
    """
    tall = grid_height(screen, height)
    boxes: dict[str, Box] = {}
    below: list[Placement] = []
    for panel in screen.panels:
        at = panel.at_narrow if narrow else panel.at
        if at is None:
            below.append(panel)
        else:
            boxes[panel.id] = box_of(panel.id, at, screen, width, tall)
    top = tall if boxes else 0
    for panel in below:
        boxes[panel.id] = Box(panel.id, 0, top, width, STACKED_HEIGHT)
        top += STACKED_HEIGHT
    return [boxes[panel.id] for panel in screen.panels]


def grid_height(screen: ScreenSpec, height: int) -> int:
    """Cells of the grid from top to bottom on a terminal with `height` cells for it."""
    return max(height, round(screen.rows * MIN_ROW_CELLS))


def box_of(name: str, at: At, screen: ScreenSpec, width: int, height: int) -> Box:
    """A rectangle of the grid in cells. height: as `grid_height` gives it."""
    left, right = (edge * width // screen.columns for edge in (at.col, at.col + at.width))
    top, bottom = (edge * height // screen.rows for edge in (at.row, at.row + at.height))
    return Box(name, left, top, right - left, bottom - top)


def neighbour(boxes: list[Box], current: str, direction: str) -> str:
    """Id of the nearest box in a direction ("left", "right", "up", "down"), or `current`.

    Boxes that share a part of the edge come before those that are only roughly that way.
    """
    here = next((box for box in boxes if box.id == current), None)
    if here is None:
        return boxes[0].id if boxes else current
    best, best_score = current, (2, 10**9, 10**9)
    for box in boxes:
        if box.id == current:
            continue
        if direction in ("left", "right"):
            gap = (
                box.x - here.x - here.width if direction == "right" else here.x - box.x - box.width
            )
            shared = min(box.y + box.height, here.y + here.height) - max(box.y, here.y)
            off = abs(box.y - here.y)
        else:
            gap = (
                box.y - here.y - here.height if direction == "down" else here.y - box.y - box.height
            )
            shared = min(box.x + box.width, here.x + here.width) - max(box.x, here.x)
            off = abs(box.x - here.x)
        if gap >= 0:
            best_score, best = min((best_score, best), ((0 if shared > 0 else 1, gap, off), box.id))
    return best
