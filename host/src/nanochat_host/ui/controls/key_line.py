"""The last line but one: the keys that do something here and now. One widget, no children."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from nanochat_host.ui.render.palette import Palette


class KeyLine(Widget):
    """Shows the visible bindings of the focused chain, nearest first; click runs one.

    The footer of Textual mounts a widget per key at each change of focus; this one repaints a line.
    """

    DEFAULT_CSS = "KeyLine { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._spots: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and self.is_attached:
            self.refresh()

    def shown(self) -> list[tuple[str, str, str]]:
        """(key as typed, what it does, key as shown), in order of nearness."""
        seen: dict[str, tuple[str, str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in seen:
                shown = self.app.get_key_display(binding)
                seen[binding.action] = (binding.key, binding.description, shown)
        return list(seen.values())

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = Palette.from_theme(self.app)
        key_style, text_style = palette["accent"], palette["muted"]
        self._spots.clear()
        segments = [Segment(" ", text_style)]
        x = 1
        for key, text, shown in self.shown():
            cells = Strip([Segment(shown, key_style), Segment(f" {text}", text_style)])
            if x + cells.cell_length + 2 > width:
                break
            segments.extend(cells)
            segments.append(Segment("  ", text_style))
            self._spots.append((x, x + cells.cell_length, key))
            x += cells.cell_length + 2
        return Strip(segments).adjust_cell_length(width, text_style)

    async def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spots:
            if start <= event.x < end:
                self.app.simulate_key(key)


def hidden(key: str, action: str, description: str = "") -> Binding:
    """A binding that works but does not take room in the key line."""
    return Binding(key, action, description, show=False)
