"""A chart of the host's own on a full screen: no panel, no worker, the same keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace
from nanochat_sdk.payload import Chart
from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.chart import draw_chart
from nanochat_host.ui.render.chart_layout import ChartLayout, ChartView, lay_out
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import blank
from nanochat_host.ui.terminal import needs_ascii
from nanochat_host.ui.widgets import chart_control
from nanochat_host.ui.widgets.panel_keys import CHART_BINDINGS


class ChartPane(Widget, can_focus=True):
    """Drawn once per change; only rows that differ are painted. view: zoom, cursor and scales."""

    DEFAULT_CSS = "ChartPane { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = list(CHART_BINDINGS)

    @dataclass
    class RangeChanged(Message):
        """Another range of x, or another width: other data would suit it better."""

        pane: ChartPane

    @dataclass
    class SmoothWanted(Message):
        """direction: 1 smoother, -1 less so."""

        direction: int

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chart = Chart(plots=[])
        self.view = ChartView()
        self._full: tuple[float, float] | None = None
        self._strips: list[Strip] = []
        self._shown = 0
        self._painted: object = None

    def show(self, chart: Chart) -> None:
        """Draw this chart."""
        self.chart = chart
        self._shown += 1
        if not self.view.zoomed:
            self._full = None
        self._repaint()

    def reset(self) -> None:
        """All of the data, no cursor; scales stay."""
        self._set(replace(self.view, x_start=None, x_end=None, cursor_x=None))

    def _layout(self) -> ChartLayout:
        return lay_out(self.chart, *self.size, self.view)

    def _full_x(self, layout: ChartLayout) -> tuple[float, float]:
        if self._full is None:
            self._full = (layout.x.lo, layout.x.hi)
        return self._full

    def _set(self, view: ChartView) -> None:
        before, self.view = self.view, view
        self._repaint()
        if (before.x_start, before.x_end) != (view.x_start, view.x_end):
            self.post_message(self.RangeChanged(self))

    def action_cursor(self, columns: int) -> None:
        """Move the cursor."""
        self._set(chart_control.move_cursor(self._layout(), self.view, columns))

    def action_pan(self, steps: int) -> None:
        """Move the zoomed range."""
        layout = self._layout()
        self._set(chart_control.pan(layout, self.view, self._full_x(layout), steps))

    def action_zoom_x(self, inwards: bool, around: float | None = None) -> None:
        """Show less or more of x."""
        layout = self._layout()
        full = self._full_x(layout)
        self._set(chart_control.zoom(layout, self.view, full, inwards, around))

    def action_reset_view(self) -> None:
        """All of the data, plain scales."""
        self._set(ChartView())

    def action_log(self, axis: str) -> None:
        """The other kind of scale."""
        self._set(chart_control.toggle_log(self.chart, self.view, axis))

    def action_smooth(self, direction: int) -> None:
        """Smooth more or less."""
        self.post_message(self.SmoothWanted(direction))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._set(chart_control.cursor_at(self._layout(), self.view, event.x))

    def on_leave(self) -> None:
        if not self.has_focus:
            self._set(replace(self.view, cursor_x=None))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_zoom_x(True, self._layout().x_at(event.x))
        event.stop()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_zoom_x(False, self._layout().x_at(event.x))
        event.stop()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._repaint())

    def on_resize(self) -> None:
        self._repaint()
        self.post_message(self.RangeChanged(self))

    def _repaint(self) -> None:
        if not self.is_attached or not self.size:
            return
        before = self._strips
        if not self._draw():
            return
        if len(before) != len(self._strips):
            self.refresh()
            return
        rows = enumerate(zip(before, self._strips, strict=True))
        if changed := [y for y, (old, new) in rows if old != new]:
            self.refresh(Region(0, changed[0], self.size.width, changed[-1] - changed[0] + 1))

    def _draw(self) -> bool:
        """Bring the strips up to date; False when they were."""
        palette = Palette.from_theme(self.app)
        key = (self.size, palette.name, self.view, self._shown)
        if key == self._painted:
            return False
        self._painted = key
        ascii_only = needs_ascii()
        strips = draw_chart(self.chart, *self.size, palette, self.view, ascii_only)
        self._strips = to_ascii(strips) if ascii_only else strips
        return True

    def render_line(self, y: int) -> Strip:
        self._draw()
        if y < len(self._strips):
            return self._strips[y]
        return blank(self.size.width, Palette.from_theme(self.app)[""])
