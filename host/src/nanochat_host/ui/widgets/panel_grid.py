"""The panels of one screen on their grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from nanochat_host.layout.place import Box, is_narrow, neighbour, place
from nanochat_host.layout.spec import Placement, ScreenSpec
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.ui.widgets.panel_ghost import SIDES, GhostSide
from nanochat_host.ui.widgets.panel_view import PanelView

DIRECTIONS = ("left", "right", "up", "down")
VI_KEYS = dict(zip("hlkj", DIRECTIONS, strict=True))


class _GridLayout(Layout):
    """Puts each PanelView where the grid says."""

    name = "panels"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        assert isinstance(parent, PanelGrid)
        regions = {
            box.id: Region(box.x, box.y, box.width, box.height)
            for box in parent.boxes(size.width, size.height)
        }
        placed: list[WidgetPlacement] = []
        for child in children:
            region = None
            if isinstance(child, PanelView):
                region = regions.get(child.placement.id)
            elif isinstance(child, GhostSide) and parent.ghost is not None:
                region = child.within(parent.ghost)
            if region is not None:
                placed.append(WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child))
        return placed


class Applied(msgspec.Struct, frozen=True):
    """What an edited screen changed. kept: panels with another placement, and the one before."""

    new: list[PanelView]
    gone: list[PanelView]
    kept: list[tuple[PanelView, Placement]]


class MouseGuest(Protocol):
    """Takes the mouse while the layout is edited."""

    def mouse_down(self, event: events.MouseDown) -> None:
        """A button went down over the grid."""

    def mouse_move(self, event: events.MouseMove) -> None:
        """The mouse moved, with or without a button."""

    def mouse_up(self, event: events.MouseUp) -> None:
        """The button is up again."""


class PanelGrid(Widget, inherit_bindings=False):
    """zoomed: id of the panel that fills the grid, "" for none. guest: has the mouse while the
    layout is edited. ghost: outline over the panels, in cells of the whole grid."""

    DEFAULT_CSS = """
    PanelGrid { width: 1fr; height: 1fr; overflow-x: hidden; overflow-y: auto;
                scrollbar-size-vertical: 1; layers: default ghost; }
    """
    BLANK = True
    """Textual paints what lies behind panels with every change of theirs; blank is cheap."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(f"{d},ctrl+{d}", f"go('{d}')", show=False, id=f"grid.{d}") for d in DIRECTIONS),
        *(
            Binding(f"alt+{k}", f"go('{d}')", show=False, id=f"grid.{d}")
            for k, d in VI_KEYS.items()
        ),
        Binding("escape", "unzoom", "Back to all", id="grid.unzoom"),
    ]

    zoomed: reactive[str] = reactive("", repaint=False)

    @dataclass
    class ShownChanged(Message):
        """Other panels are in view than before: after a zoom, a scroll or a new size."""

        grid: PanelGrid

        @property
        def control(self) -> PanelGrid:
            return self.grid

    def __init__(
        self,
        spec: ScreenSpec,
        entries: Mapping[str, PanelEntry],
        *,
        ascii_only: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.spec = spec
        self.guest: MouseGuest | None = None
        self.ghost: Region | None = None
        self._entries = entries
        self._ascii_only = ascii_only
        self.views = [self._make(panel) for panel in spec.panels]
        self._shown: list[PanelView] = []
        self._grid_layout = _GridLayout()

    def take_entries(self, entries: Mapping[str, PanelEntry]) -> None:
        """Packs came or went: panels that are made from now on are of these."""
        self._entries = entries

    def _make(self, panel: Placement) -> PanelView:
        view = PanelView(panel, self._entries.get(panel.panel))
        view.set_reactive(PanelView.ascii_only, self._ascii_only)
        return view

    def apply(self, spec: ScreenSpec) -> Applied:
        """Become another version of the screen. Panels that are on both stay as they are."""
        before = {view.placement.id: view for view in self.views}
        applied = Applied([], [], [])
        views = []
        for panel in spec.panels:
            view = before.get(panel.id)
            if view is None or view.placement.panel != panel.panel:
                view = self._make(panel)
                view.boxed = not self.narrow
                applied.new.append(view)
            else:
                del before[panel.id]
                if view.placement != panel:
                    applied.kept.append((view, view.placement))
                    view.placement = panel
                    view.repaint()
            views.append(view)
        applied.gone.extend(before.values())
        for view in applied.gone:
            view.display = False
            view.remove()
        moved = [view for view in self.views if view not in applied.gone] + applied.new != views
        self.spec, self.views = spec, views
        if applied.new:
            self.mount(*applied.new)
        if moved:
            order = {view: index for index, view in enumerate(views)}
            self.sort_children(key=lambda child: order.get(child, len(order)))  # type: ignore[call-overload]
        self._lie_anew()
        self.call_after_refresh(self._check_shown)
        return applied

    def _lie_anew(self) -> None:
        # Textual keeps where children lie until one of them changes; here the grid itself did.
        self._clear_arrangement_cache()
        self.refresh(layout=True)

    def show_ghost(self, outline: Region | None, note: str = "", fits: bool = True) -> None:
        """Draw an outline over the panels, or none."""
        sides = list(self.query_children(GhostSide))
        if outline is not None and not sides:
            sides = [GhostSide(side) for side in SIDES]
            self.mount(*sides)
        for side in sides:
            side.display = outline is not None
            side.show(note, fits)
        if outline != self.ghost:
            self.ghost = outline
            self._lie_anew()

    @property
    def narrow(self) -> bool:
        """Panels lie where `at_narrow` says."""
        return is_narrow(self.app.size.width)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self.guest is not None:
            self.guest.mouse_down(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.guest is not None:
            self.guest.mouse_move(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self.guest is not None:
            self.guest.mouse_up(event)

    def compose(self) -> ComposeResult:
        yield from self.views

    @property
    def layout(self) -> Layout:
        """Ours, whatever the style sheet says."""
        return self._grid_layout

    def boxes(self, width: int, height: int) -> list[Box]:
        """Where the panels lie; the zoomed one alone if there is one."""
        if self.zoomed:
            return [Box(self.zoomed, 0, 0, width, height)]
        return place(self.spec, width, height, narrow=self.narrow)

    def shown(self) -> list[PanelView]:
        """Panels of which at least a part is in view."""
        window = Region(self.scroll_offset.x, self.scroll_offset.y, *self.size)
        return [
            view
            for view in self.views
            if view.display and view.virtual_region.intersection(window).area
        ]

    def watch_zoomed(self, zoomed: str) -> None:
        known = any(view.placement.id == zoomed for view in self.views)
        with self.app.batch_update():
            for view in self.views:
                view.display = not known or view.placement.id == zoomed
            self.scroll_to(y=0, animate=False, immediate=True)
        self.refresh(layout=True)
        self.refresh_bindings()
        self.call_after_refresh(self._check_shown)

    def on_resize(self) -> None:
        for view in self.views:
            view.boxed = not self.narrow
        self.call_after_refresh(self._check_shown)

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        self.call_after_refresh(self._check_shown)

    def _check_shown(self) -> None:
        shown = self.shown()
        if shown != self._shown:
            self._shown = shown
            self.post_message(self.ShownChanged(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is ours only while a panel is zoomed."""
        return bool(self.zoomed) if action == "unzoom" else True

    def action_unzoom(self) -> None:
        """All panels again."""
        self.zoomed = ""

    def action_go(self, direction: str) -> None:
        """Move the focus to the next panel in a direction."""
        self.go(direction)

    def go(self, direction: str) -> None:
        """Focus the next panel "left", "right", "up" or "down"; the first one if none has it."""
        focused = self.screen.focused
        current = focused.placement.id if isinstance(focused, PanelView) else ""
        target = neighbour(self.boxes(*self.size), current, direction)
        for view in self.views:
            if view.placement.id == target:
                view.focus()

    @on(PanelView.ZoomToggled)
    def _toggle(self, event: PanelView.ZoomToggled) -> None:
        self.zoomed = "" if self.zoomed else event.panel_view.placement.id
        event.panel_view.focus()
