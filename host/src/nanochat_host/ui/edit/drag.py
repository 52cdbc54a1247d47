"""The mouse while the layout is edited: a title moves its panel, an edge or a corner resizes it.

An outline snaps to the grid on the way and turns red where the panel cannot be put; the panels
themselves change when the button is let go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Offset, Region

from nanochat_host.layout import edit
from nanochat_host.layout.edit import EditError
from nanochat_host.layout.place import box_of, grid_height
from nanochat_host.layout.settle import inside
from nanochat_host.layout.spec import At, LayoutSpec, ScreenSpec

if TYPE_CHECKING:
    from nanochat_host.ui.edit.editor import Editor
    from nanochat_host.ui.widgets.panel_grid import PanelGrid


How = Callable[[LayoutSpec, str, str, At, bool], LayoutSpec]


@dataclass(frozen=True)
class Grip:
    """What the mouse holds. edges: of "left", "right", "bottom"; none of them moves the panel.
    start: where the button went down, in cells of the grid."""

    panel: str
    at: At
    edges: frozenset[str]
    start: Offset


def edges_at(region: Region, x: int, y: int) -> frozenset[str] | None:
    """What lies under a cell of a panel: edges to resize, none of them in the title, None in the
    body."""
    if y == region.y:
        return frozenset()
    edges = set()
    if y == region.bottom - 1:
        edges.add("bottom")
    if x == region.x:
        edges.add("left")
    elif x >= region.right - (2 if edges else 1):
        edges.add("right")
    return frozenset(edges) or None


def dragged(grip: Grip, to: Offset, screen: ScreenSpec, width: int, height: int) -> At:
    """The rectangle a drag to that cell asks for, on the grid. width, height: of it in cells."""
    cols = round((to.x - grip.start.x) * screen.columns / max(1, width))
    rows = round((to.y - grip.start.y) * screen.rows / max(1, height))
    col, row, wide, high = grip.at
    if not grip.edges:
        return inside(At(col + cols, row + rows, wide, high), screen.columns, screen.rows)
    if "right" in grip.edges:
        wide = min(max(1, wide + cols), screen.columns - col)
    if "left" in grip.edges:
        left = min(max(0, col + cols), col + wide - 1)
        col, wide = left, wide + col - left
    if "bottom" in grip.edges:
        high = min(max(1, high + rows), screen.rows - row)
    return At(col, row, wide, high)


class Drag:
    """Takes the mouse events of the grid."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._grip: Grip | None = None
        self._at: At | None = None

    @property
    def busy(self) -> bool:
        """A button is down on a handle."""
        return self._grip is not None

    def cancel(self) -> None:
        """Leave everything where it was."""
        self._grip = self._at = None
        if (grid := self._editor.dashboard.grid) is not None:
            grid.show_ghost(None)
            grid.release_mouse()

    def mouse_down(self, event: events.MouseDown) -> None:
        """Choose the panel; take hold of it if that is a handle."""
        grid = self._editor.dashboard.grid
        if grid is None or event.button != 1:
            return
        spot = _spot(grid, event)
        for view in grid.views:
            region = view.virtual_region
            if view.display and region.contains_point(spot):
                panel = view.placement.id
                self._editor.choose(panel)
                at = self._editor.place(panel) or At(0, 0, grid.spec.columns, 2)
                edges = edges_at(region, spot.x, spot.y)
                if edges is not None:
                    self._grip = Grip(panel, at, edges, spot)
                    grid.capture_mouse()
                event.stop()
                return

    def mouse_move(self, event: events.MouseMove) -> None:
        """Move the outline."""
        grid = self._editor.dashboard.grid
        if grid is None or self._grip is None:
            return
        height = grid_height(grid.spec, grid.size.height)
        at = dragged(self._grip, _spot(grid, event), grid.spec, grid.size.width, height)
        if at != self._at:
            self._at = at
            self._show(grid, at, height)

    def mouse_up(self, event: events.MouseUp) -> None:
        """Put the panel there."""
        grip, at = self._grip, self._at
        if grip is None:
            return
        self.cancel()
        if at is not None and at != grip.at:
            self._editor.panels.drop(grip.panel, at, _how(grip))

    def _show(self, grid: PanelGrid, at: At, height: int) -> None:
        assert self._grip is not None
        editor, grip, fits = self._editor, self._grip, True
        try:
            layout = _how(grip)(editor.layout, editor.screen.id, grip.panel, at, editor.narrow)
            screen = layout.screen(editor.screen.id)
            # Where it really goes: it may change places with another.
            at = edit.places(screen, editor.narrow)[grip.panel] if screen else at
            note = f"{at.width}x{at.height} at {at.col},{at.row}"
        except EditError as error:
            fits, note = False, error.message
        box = box_of(grip.panel, at, grid.spec, grid.size.width, height)
        grid.show_ghost(Region(box.x, box.y, box.width, box.height), note, fits)


def _how(grip: Grip) -> How:
    return edit.resize_panel if grip.edges else edit.put_panel


def _spot(grid: PanelGrid, event: events.MouseEvent) -> Offset:
    """The mouse in cells of the whole grid."""
    return event.screen_offset - grid.content_region.offset + grid.scroll_offset
