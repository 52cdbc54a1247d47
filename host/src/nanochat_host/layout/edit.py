"""Edits of a layout: every operation takes a LayoutSpec and returns another. Pure.

`narrow` says which of the two places of a panel is meant: `at`, or `at_narrow` on terminals under
100 columns. Raises EditError, with a line for the person, where an edit cannot be made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from nanochat_host.errors import RefusedError
from nanochat_host.layout import settle
from nanochat_host.layout.place import Box, neighbour
from nanochat_host.layout.settle import Places
from nanochat_host.layout.spec import (
    MAX_PANELS,
    MAX_SCREENS,
    At,
    LayoutSpec,
    Placement,
    ScreenSpec,
)


class EditError(RefusedError):
    """The edit cannot be made; nothing has changed."""


def _screen(layout: LayoutSpec, screen_id: str) -> ScreenSpec:
    screen = layout.screen(screen_id)
    if screen is None:
        raise EditError(f"there is no screen `{screen_id}`")
    return screen


def _panel(screen: ScreenSpec, panel_id: str) -> Placement:
    panel = screen.panel(panel_id)
    if panel is None:
        raise EditError(f"there is no panel `{panel_id}` on this screen")
    return panel


def with_screen(layout: LayoutSpec, screen: ScreenSpec) -> LayoutSpec:
    """The layout with that screen in place of the one of its id."""
    screens = tuple(screen if other.id == screen.id else other for other in layout.screens)
    return replace(layout, screens=screens)


def _with_panel(layout: LayoutSpec, screen: ScreenSpec, panel: Placement) -> LayoutSpec:
    panels = tuple(panel if other.id == panel.id else other for other in screen.panels)
    return with_screen(layout, replace(screen, panels=panels))


def places(screen: ScreenSpec, narrow: bool) -> Places:
    """Panels that have a place on the grid."""
    found = {panel.id: panel.at_narrow if narrow else panel.at for panel in screen.panels}
    return {name: at for name, at in found.items() if at is not None}


def _with_places(screen: ScreenSpec, new: Places, narrow: bool) -> ScreenSpec:
    def placed(panel: Placement) -> Placement:
        at = new.get(panel.id)
        if at is None:
            return panel
        return replace(panel, at_narrow=at) if narrow else replace(panel, at=at)

    panels = map(placed, screen.panels)
    return replace(screen, panels=tuple(panels))


def put_panel(
    layout: LayoutSpec, screen_id: str, panel_id: str, at: At, narrow: bool = False
) -> LayoutSpec:
    """Drop a panel at a place; see `settle.put`."""
    return _settled(layout, screen_id, panel_id, at, narrow, settle.put)


def resize_panel(
    layout: LayoutSpec, screen_id: str, panel_id: str, at: At, narrow: bool = False
) -> LayoutSpec:
    """Give a panel other borders; see `settle.resize`."""
    screen = _screen(layout, screen_id)
    if panel_id not in places(screen, narrow):
        raise EditError("it stacks below the grid at full width; move it up to give it a place")
    return _settled(layout, screen_id, panel_id, at, narrow, settle.resize)


Settle = Callable[[Places, str, At, int], Places | None]


def _settled(
    layout: LayoutSpec, screen_id: str, panel_id: str, at: At, narrow: bool, how: Settle
) -> LayoutSpec:
    screen = _screen(layout, screen_id)
    _panel(screen, panel_id)
    if at.width < 1 or at.height < 1:
        raise EditError("it cannot be smaller than one field")
    if settle.inside(at, screen.columns, screen.rows) != at:
        raise EditError("the grid ends here")
    settled = how(places(screen, narrow), panel_id, at, screen.rows)
    if settled is None:
        raise EditError("no room: the panels there cannot give way")
    return with_screen(layout, _with_places(screen, settled, narrow))


def move_panel(
    layout: LayoutSpec, screen_id: str, panel_id: str, direction: str, narrow: bool = False
) -> LayoutSpec:
    """One field in a direction; where a panel is in the way the two change places."""
    screen = _screen(layout, screen_id)
    panel = _panel(screen, panel_id)
    now = places(screen, narrow)
    at = now.get(panel_id)
    if at is None:
        return _move_stacked(layout, screen, panel, direction)
    cols, rows = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[direction]
    to = at._replace(col=at.col + cols, row=at.row + rows)
    fits = settle.inside(to, screen.columns, screen.rows) == to
    if fits and not settle.covered(now, to, panel_id):
        return with_screen(layout, _with_places(screen, {**now, panel_id: to}, narrow))
    boxes = [Box(name, *found) for name, found in now.items()]
    other = neighbour(boxes, panel_id, direction)
    if other != panel_id and _is_beyond(now[other], at, direction):
        return with_screen(layout, _with_places(screen, settle.swap(now, panel_id, other), narrow))
    stacked = [found for found in screen.panels if found.id not in now]
    if narrow and direction == "down" and stacked:
        return _exchange(layout, screen, panel, stacked[0])
    raise EditError("the grid ends here")


def _is_beyond(other: At, at: At, direction: str) -> bool:
    """A part of `other` lies straight in that direction, not only roughly."""
    if direction in ("left", "right"):
        return other.row < at.row + at.height and at.row < other.row + other.height
    return other.col < at.col + at.width and at.col < other.col + other.width


def _move_stacked(
    layout: LayoutSpec, screen: ScreenSpec, panel: Placement, direction: str
) -> LayoutSpec:
    """A panel without `at_narrow`: earlier or later in the stack, or up into the grid."""
    if direction in ("left", "right"):
        raise EditError("it stacks below the grid at full width")
    stacked = [found for found in screen.panels if found.at_narrow is None]
    index = next(i for i, found in enumerate(stacked) if found.id == panel.id)
    index += 1 if direction == "down" else -1
    if index == len(stacked):
        raise EditError("it is the last one")
    if index >= 0:
        return _reordered(layout, screen, panel, stacked[index])
    now = places(screen, narrow=True)
    hole = settle.largest_hole(now, screen.columns, screen.rows)
    if hole is not None and hole.width * 2 >= screen.columns and hole.height >= 2:
        return _with_panel(layout, screen, replace(panel, at_narrow=hole))
    # The lowest of the grid makes room.
    lowest = max(now, key=lambda name: (now[name].row + now[name].height, -now[name].col))
    return _exchange(layout, screen, panel, _panel(screen, lowest))


def _exchange(
    layout: LayoutSpec, screen: ScreenSpec, first: Placement, second: Placement
) -> LayoutSpec:
    """One takes the other's narrow place, which then stacks where the first did."""
    layout = _reordered(layout, screen, first, second)
    for panel, at in ((first, second.at_narrow), (second, first.at_narrow)):
        layout = _with_panel(layout, _screen(layout, screen.id), replace(panel, at_narrow=at))
    return layout


def _reordered(
    layout: LayoutSpec, screen: ScreenSpec, first: Placement, second: Placement
) -> LayoutSpec:
    order = {first.id: second, second.id: first}
    panels = tuple(order.get(panel.id, panel) for panel in screen.panels)
    return with_screen(layout, replace(screen, panels=panels))


def add_panel(
    layout: LayoutSpec,
    screen_id: str,
    panel: str,
    options: dict[str, Any],
    beside: str = "",
    least: tuple[int, int] = settle.MIN_FREE,
) -> tuple[LayoutSpec, str]:
    """A new panel in the largest hole, or in half of the panel `beside`; and its id.

    options: with defaults filled in. least: columns and rows of the grid it needs. On narrow
    terminals it stacks below.
    """
    screen = _screen(layout, screen_id)
    if len(screen.panels) >= MAX_PANELS:
        raise EditError(f"a screen has at most {MAX_PANELS} panels; add another screen")
    new_id = free_id(panel.partition(":")[2] or panel, (found.id for found in screen.panels))
    settled = settle.add(places(screen, False), new_id, beside, screen.columns, screen.rows, least)
    if settled is None:
        raise EditError("no room: every panel has one field; remove one first")
    screen = _with_places(screen, settled, narrow=False)
    new = Placement(id=new_id, panel=panel, at=settled[new_id], options=options)
    return with_screen(layout, replace(screen, panels=(*screen.panels, new))), new_id


def remove_panel(layout: LayoutSpec, screen_id: str, panel_id: str) -> LayoutSpec:
    """Without the panel; neighbours take its place where they can."""
    screen = _screen(layout, screen_id)
    _panel(screen, panel_id)
    for narrow in (False, True):
        now = places(screen, narrow)
        if panel_id in now:
            screen = _with_places(screen, settle.remove(now, panel_id), narrow)
    left = tuple(panel for panel in screen.panels if panel.id != panel_id)
    return with_screen(layout, replace(screen, panels=left))


def set_panel(layout: LayoutSpec, screen_id: str, panel_id: str, **changes: Any) -> LayoutSpec:
    """Other title, refresh_hz, source or options of a panel."""
    screen = _screen(layout, screen_id)
    return _with_panel(layout, screen, replace(_panel(screen, panel_id), **changes))


def free_id(wish: str, taken: Iterable[str]) -> str:
    """An id made of `wish` that is not taken."""
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", wish).strip("-_0123456789")[:36] or "screen"
    known = set(taken)
    number = 2
    found = base
    while found in known:
        found, number = f"{base}-{number}", number + 1
    return found


def add_screen(
    layout: LayoutSpec, title: str, after: str = "", like: str = ""
) -> tuple[LayoutSpec, str]:
    """A new screen after the one of id `after`, empty or with the panels of `like`; and its id."""
    if len(layout.screens) >= MAX_SCREENS:
        raise EditError(f"a layout has at most {MAX_SCREENS} screens")
    new_id = free_id(title.lower(), (screen.id for screen in layout.screens))
    new = ScreenSpec(new_id, title)
    if like:
        new = replace(_screen(layout, like), id=new_id, title=title)
    ids = [screen.id for screen in layout.screens]
    index = ids.index(after) + 1 if after in ids else len(ids)
    screens = (*layout.screens[:index], new, *layout.screens[index:])
    return replace(layout, screens=screens), new_id


def rename_screen(layout: LayoutSpec, screen_id: str, title: str) -> LayoutSpec:
    """Another title on the tab; the id stays."""
    return with_screen(layout, replace(_screen(layout, screen_id), title=title))


def move_screen(layout: LayoutSpec, screen_id: str, steps: int) -> LayoutSpec:
    """Further to the right on the tabs, or to the left below zero."""
    screen = _screen(layout, screen_id)
    others = [found for found in layout.screens if found.id != screen_id]
    index = layout.screens.index(screen) + steps
    if not 0 <= index <= len(others):
        raise EditError("the tabs end here")
    return replace(layout, screens=(*others[:index], screen, *others[index:]))


def delete_screen(layout: LayoutSpec, screen_id: str) -> LayoutSpec:
    """Without the screen; the last one stays."""
    _screen(layout, screen_id)
    if len(layout.screens) == 1:
        raise EditError("a layout has at least one screen")
    left = tuple(screen for screen in layout.screens if screen.id != screen_id)
    return replace(layout, screens=left)
