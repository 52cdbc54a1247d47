"""A panel on the screen: what it shows (PanelBody), and what a person can do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace
from nanochat_sdk.forms import Editor, Form
from nanochat_sdk.payload import Chart, Table, Text
from nanochat_sdk.protocol import Input, KeyHelp
from textual import events
from textual.binding import BindingsMap, BindingType
from textual.message import Message

from nanochat_host.layout.spec import Placement
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.ui.render.draw import Leaf
from nanochat_host.ui.render.frame import SIDE
from nanochat_host.ui.widgets import chart_control
from nanochat_host.ui.widgets.entry_body import ENTRY_ACTIONS, EntryBody
from nanochat_host.ui.widgets.panel_keys import (
    CHART_ACTIONS,
    CHART_BINDINGS,
    PANEL_BINDINGS,
    with_declared,
)


class PanelView(EntryBody, can_focus=True):
    """Keys and mouse of a panel. An action that makes no sense for what is shown is left to the
    widgets above, so that arrow keys move the focus where a panel has no use for them."""

    DEFAULT_CSS = "PanelView { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [*CHART_BINDINGS, *PANEL_BINDINGS]

    @dataclass
    class PanelMessage(Message):
        """Something about one panel."""

        panel_view: PanelView

        @property
        def control(self) -> PanelView:
            return self.panel_view

    class ViewChanged(PanelMessage):
        """Zoom, smoothing or size changed: the panel is to draw anew, with data that suits it."""

    class ZoomToggled(PanelMessage):
        """The person wants it to fill the screen, or no longer."""

    @dataclass
    class MissingAnswered(PanelMessage):
        """What to do about a panel that no pack provides. answer: "install" or "remove"."""

        answer: str

    @dataclass
    class Asked(PanelMessage):
        """inputs: what the person did, for the worker."""

        inputs: list[Input]

    @dataclass
    class PromptWanted(PanelMessage):
        """key: wants a line of text first; hand it back with `answer`."""

        key: KeyHelp

    def __init__(self, placement: Placement, entry: PanelEntry | None) -> None:
        super().__init__(placement, entry)
        self._declared: tuple[KeyHelp, ...] = ()
        self._offers: tuple[bool, ...] = ()

    def view_changed(self) -> None:
        self.post_message(self.ViewChanged(self))

    def refresh_from_process(self) -> None:
        if not self.is_attached:
            return
        super().refresh_from_process()
        if self.process is not None:
            self.declare_keys(self.process.keys)
        # The key line is worked out anew only when another kind of payload brings other keys.
        shown = {type(leaf.payload) for leaf in self.parts()}
        offers = (self.failing, *(kind in shown for kind in (Chart, Table, Text, Form, Editor)))
        if offers != self._offers:
            self._offers = offers
            if self.has_focus:
                self.refresh_bindings()

    def ask(self, *inputs: Input) -> None:
        """Hand the worker what the person did."""
        self.post_message(self.Asked(self, list(inputs)))

    def answer(self, key: KeyHelp, text: str) -> None:
        """The line of text that `PromptWanted` asked for."""
        self.ask(Input(kind="prompt", key=key.key, text=text))

    def declare_keys(self, keys: tuple[KeyHelp, ...]) -> None:
        """Listen to the panel's keys; they come before the host's chart keys."""
        if keys == self._declared:
            return
        self._declared = keys
        # Bindings belong to the class; a panel's own keys to the one widget that shows it.
        inherited = type(self)._merged_bindings or BindingsMap()
        self._bindings = with_declared(inherited, keys)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which actions the present payload has a use for."""
        if action in CHART_ACTIONS:
            return self.part(Chart) is not None
        if action in ENTRY_ACTIONS:
            return self.edit is None and self.offers_entry(action)
        if action == "move":
            return self.part(Table) is not None or self.part(Text) is not None
        if action == "activate":
            return self.row() >= 0
        if action == "restart":
            return self.failing
        return self.entry is None if action == "missing" else True

    def action_declared(self, index: int) -> None:
        """A key the panel declared."""
        key = self._declared[index]
        if key.prompt:
            self.post_message(self.PromptWanted(self, key))
        else:
            self.ask(Input(kind="key", key=key.key))

    def action_cursor(self, columns: int) -> None:
        """Move the chart cursor."""
        layout = self.chart_layout()
        if layout:
            self.set_chart_view(chart_control.move_cursor(layout, self.chart_view, columns))

    def action_pan(self, steps: int) -> None:
        """Move the zoomed range."""
        layout = self.chart_layout()
        if layout:
            full = self.full_x(layout)
            self.set_chart_view(chart_control.pan(layout, self.chart_view, full, steps))

    def action_zoom_x(self, inwards: bool) -> None:
        """Show less or more of x."""
        layout = self.chart_layout()
        if layout:
            full = self.full_x(layout)
            self.set_chart_view(chart_control.zoom(layout, self.chart_view, full, inwards))

    def action_reset_view(self) -> None:
        """All of the data again."""
        self.reset_view()

    def action_log(self, axis: str) -> None:
        """Toggle a scale."""
        leaf = self.part(Chart)
        if leaf and isinstance(leaf.payload, Chart):
            self.set_chart_view(chart_control.toggle_log(leaf.payload, self.chart_view, axis))

    def action_smooth(self, direction: int) -> None:
        """Smooth more or less."""
        self.set_smoothing(direction)

    def action_move(self, rows: int) -> None:
        """Move the selection, or scroll."""
        self.move_in_body(rows)

    def move_in_body(self, rows: int) -> bool:
        """Move the selection of a table or scroll a text. False when there is neither."""
        leaf = self.part(Table) or self.part(Text)
        if leaf is None:
            return False
        if isinstance(leaf.payload, Table):
            self.move_in_table(leaf, leaf.payload, rows)
        elif isinstance(leaf.payload, Text):
            away = -rows if leaf.payload.anchor == "bottom" else rows
            most = max(0, len(leaf.payload.lines) - 1)
            scroll = max(0, min(most, self.chart_view.scroll + away))
            self.set_chart_view(replace(self.chart_view, scroll=scroll))
        return True

    def action_restart(self) -> None:
        """Start a failed panel again."""
        if self.process is not None:
            self.process.restart()
            self.refresh_from_process()

    def action_missing(self, answer: str) -> None:
        """Install its pack, or take it off the layout."""
        self.post_message(self.MissingAnswered(self, answer))

    def action_zoom_panel(self) -> None:
        """Fill the screen, or no longer."""
        self.post_message(self.ZoomToggled(self))

    def _under(self, event: events.MouseEvent) -> tuple[Leaf | None, int, int]:
        """The leaf under the mouse and the position in it."""
        x, y = event.x - SIDE, event.y - 1
        for leaf in self.parts():
            if 0 <= x - leaf.left < leaf.width and 0 <= y - leaf.top < leaf.height:
                return leaf, x - leaf.left, y - leaf.top
        return None, x, y

    def _point(self, event: events.MouseEvent) -> None:
        leaf, x, _ = self._under(event)
        layout = self.chart_layout(leaf) if leaf and isinstance(leaf.payload, Chart) else None
        if layout is not None:
            self.set_chart_view(chart_control.cursor_at(layout, self.chart_view, x))
        elif self.chart_view.cursor_x is not None:
            self.set_chart_view(replace(self.chart_view, cursor_x=None))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.edit is None:
            self._point(event)

    def on_leave(self) -> None:
        if not self.has_focus and self.chart_view.cursor_x is not None:
            self.set_chart_view(replace(self.chart_view, cursor_x=None))

    def on_click(self, event: events.Click) -> None:
        if self.edit is not None:
            return  # the grid moves and resizes it
        leaf, x, y = self._under(event)
        if leaf is not None and self.click_entry(leaf, y):
            return
        if leaf is not None and self.click_table(leaf, y, event.chain):
            return
        if event.chain == 2:
            self.post_message(self.ZoomToggled(self))
            return
        if leaf is None or isinstance(leaf.payload, Chart):
            self._point(event)
        elif not isinstance(leaf.payload, Table):
            self.ask(Input(kind="click", x=leaf.left + x, y=leaf.top + y))

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        if self.edit is not None:
            return
        leaf, x, _ = self._under(event)
        layout = self.chart_layout(leaf) if leaf and isinstance(leaf.payload, Chart) else None
        if layout is None:
            if not self.move_in_body(direction):
                return
        else:
            around = layout.x_at(x)
            full = self.full_x(layout)
            self.set_chart_view(
                chart_control.zoom(layout, self.chart_view, full, direction < 0, around)
            )
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1)
