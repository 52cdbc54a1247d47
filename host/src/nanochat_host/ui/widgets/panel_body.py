"""What a panel shows: its payload or a notice of ours, framed, as strips that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from nanochat_sdk.forms import Editor, Form
from nanochat_sdk.payload import Chart, Payload, Table, Text
from nanochat_sdk.protocol import View
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nanochat_host.layout.spec import Placement
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.sanitize import clean
from nanochat_host.packs.state import PanelState
from nanochat_host.ui.controls.one_line import plain_filters
from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.chart_layout import ChartLayout, ChartView, lay_out
from nanochat_host.ui.render.draw import Leaf, draw, leaves
from nanochat_host.ui.render.frame import Frame, body_size, draw_frame
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import blank
from nanochat_host.ui.widgets import chart_control, panel_notice

if TYPE_CHECKING:
    from nanochat_host.packs.process import PanelProcess


class EditLook(msgspec.Struct, frozen=True):
    """How a panel looks while the layout is edited. note: its place."""

    chosen: bool = False
    note: str = ""


class PanelBody(Widget):
    """process: set by the screen once the panel is opened. view: what the worker is told of zoom
    and smoothing. source_gone: the run it is to show is not there. A chart's cursor and scales stay
    here.

    Everything is drawn at most once per change, and only the rows that differ are repainted.
    """

    boxed: reactive[bool] = reactive(True, repaint=False)
    ascii_only: reactive[bool] = reactive(False, repaint=False)
    edit: reactive[EditLook | None] = reactive(None, repaint=False)

    def __init__(self, placement: Placement, entry: PanelEntry | None) -> None:
        super().__init__()
        self.placement = placement
        self.entry = entry
        self.process: PanelProcess | None = None
        self.view = View()
        self.source_gone = False
        self.chart_view = ChartView()
        self._full_x: tuple[float, float] | None = None
        self._strips: list[Strip] = []
        self._drawn_size = Size(0, 0)
        self._painted: object = None

    @property
    def title(self) -> str:
        """As the layout says, else as the panel says."""
        return self.placement.title or (
            self.entry.panel.title if self.entry else self.placement.panel
        )

    @property
    def size(self) -> Size:
        """Cells of the panel. It has no border or padding of Textual's, whose own way to this walks
        up to the screen: too slow for what each painted frame asks several times."""
        return self.outer_size

    @property
    def inner_size(self) -> tuple[int, int]:
        """Cells inside the frame."""
        return body_size(self.size.width, self.size.height, boxed=self.boxed)

    @property
    def too_small(self) -> bool:
        """It has fewer cells than its manifest asks for."""
        width, height = self.inner_size
        least = self.entry.panel.min_size if self.entry else (0, 0)
        return width < least[0] or height < least[1]

    @property
    def failing(self) -> bool:
        """Its worker does not run; R starts it."""
        return self.process is not None and self.process.state in panel_notice.FAILED

    def shown_payload(self) -> Payload:
        """The panel's own payload, or a notice of ours."""
        if self.entry is None:
            return panel_notice.missing(self.placement.panel)
        process = self.process
        if self.source_gone:
            return panel_notice.no_source(self.placement.source)
        if process is None:
            return panel_notice.starting()
        if process.state is PanelState.QUARANTINED or (self.failing and process.payload is None):
            return panel_notice.failed(process)
        if self.too_small:
            return panel_notice.too_small(*self.entry.panel.min_size)
        return process.payload or panel_notice.starting()

    def refresh_from_process(self) -> None:
        """Paint what the process holds now; only rows that changed reach the terminal."""
        if not self.chart_view.zoomed:
            self._full_x = None
        self.repaint()

    def repaint(self) -> None:
        """Draw again if anything changed, and refresh the rows that differ."""
        if not self.is_attached or not self.size:
            return
        before = self._strips
        if not self._draw():
            return
        after = self._strips
        if len(before) != len(after):
            self.refresh()
            return
        changed = [y for y, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
        if changed:
            top = changed[0]
            self.refresh(Region(0, top, self.size.width, changed[-1] - top + 1))

    def _draw(self) -> bool:
        """Bring the strips up to date; False when they were."""
        palette = Palette.from_theme(self.app)
        process = self.process
        told = (
            (process.payload_rev, process.state, process.reason, process.status)
            if process
            else None
        )
        focused = self.has_focus_within
        look = (self.size, palette.name, focused, self.boxed, self.ascii_only, self.edit)
        name = (self.title, self.placement.source, self.source_gone)
        key = (told, look, name, self.chart_view)
        if key == self._painted:
            return False
        self._painted = key
        self._drawn_size = self.size
        width, height = self.size
        payload = self.shown_payload()
        body = draw(payload, *self.inner_size, palette, self.chart_view, ascii=self.ascii_only)
        status, style = panel_notice.badge(process) if process else ("", "muted")
        edit = ""
        if self.edit is not None:
            edit = "chosen" if self.edit.chosen else "open"
            status, style = self.edit.note or status, "accent" if self.edit.chosen else style
        frame = Frame(
            clean(self.title + (f" · {self.placement.source}" if self.placement.source else "")),
            status, style, focused, self.failing, self.boxed, process.badge if process else "",
            edit, process is not None and process.as_usual,
        )  # fmt: skip
        strips = draw_frame(frame, body, width, height, palette)
        self._strips = to_ascii(strips) if self.ascii_only else strips
        return True

    def render_lines(self, crop: Region) -> list[Strip]:
        """The prebuilt strips as they are. Textual's pass over borders, padding and opacity, which
        a panel does not use, would cost more than drawing; filters (no colour) still need it."""
        if not plain_filters(self):
            return super().render_lines(crop)
        width, height = self.size
        strips = self._kept()[crop.y : crop.bottom]
        if len(strips) < crop.height or crop.bottom > height:
            return [self.render_line(y).crop(crop.x, crop.right) for y in crop.line_range]
        if crop.x == 0 and crop.width == width:
            return strips
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def render_line(self, y: int) -> Strip:
        strips = self._kept()
        if y < len(strips):
            return strips[y]
        return blank(self.size.width, Palette.from_theme(self.app)[""])

    def _kept(self) -> list[Strip]:
        """The strips of the last `repaint`. Textual asks for them whenever anything near changes;
        to draw then would cost a key its turn, and `repaint` would not tell it of the new rows."""
        if self._drawn_size != self.size:
            self._draw()
        return self._strips

    def view_changed(self) -> None:
        """Zoom, smoothing or size are others now: the worker must draw anew."""

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.repaint())

    def on_resize(self) -> None:
        self.repaint()
        self.view_changed()

    def on_focus(self) -> None:
        self.repaint()

    def on_blur(self) -> None:
        self.repaint()

    def watch_boxed(self) -> None:
        self.repaint()
        if self.is_mounted:
            self.view_changed()

    def watch_ascii_only(self) -> None:
        self.repaint()

    def watch_edit(self) -> None:
        self.repaint()

    # What the payload offers to keys and mouse

    def parts(self) -> list[Leaf]:
        """Leaves of the payload in cells of the body; none while a notice of ours is shown."""
        process = self.process
        if (
            process is None
            or process.payload is None
            or self.shown_payload() is not process.payload
        ):
            return []
        return list(leaves(process.payload, *self.inner_size))

    def part(
        self, kind: type[Chart] | type[Table] | type[Text] | type[Form] | type[Editor]
    ) -> Leaf | None:
        """The first leaf of a kind."""
        return next((leaf for leaf in self.parts() if isinstance(leaf.payload, kind)), None)

    def chart_layout(self, leaf: Leaf | None = None) -> ChartLayout | None:
        """Layout of a chart leaf, of the first chart if none is given."""
        leaf = leaf or self.part(Chart)
        if leaf is None or not isinstance(leaf.payload, Chart):
            return None
        return lay_out(leaf.payload, leaf.width, leaf.height, self.chart_view)

    def full_x(self, layout: ChartLayout) -> tuple[float, float]:
        """The x range of all the data, as last seen without a zoom."""
        if self._full_x is None:
            self._full_x = (layout.x.lo, layout.x.hi)
        return self._full_x

    def set_chart_view(self, chart_view: ChartView) -> None:
        """Draw with this view at once, and tell the worker when its x range changed."""
        if chart_view == self.chart_view:
            return
        self.chart_view = chart_view
        self.repaint()
        self._tell(View(chart_view.x_start, chart_view.x_end, self.view.smoothing))

    def set_smoothing(self, direction: int) -> None:
        """The next stronger (1) or weaker (-1) smoothing."""
        current = self.view.smoothing
        if current is None:
            option = self.placement.options.get("smoothing", 0.0)
            current = float(option) if isinstance(option, int | float) else 0.0
        smoothing = chart_control.next_smoothing(current, direction)
        self._tell(View(self.view.x_start, self.view.x_end, smoothing))

    def reset_view(self) -> None:
        """All of the data, the panel's own scales and smoothing, no cursor."""
        self.set_chart_view(ChartView(entry=self.chart_view.entry))
        self._tell(View())

    def _tell(self, view: View) -> None:
        if view != self.view:
            self.view = view
            self.view_changed()
