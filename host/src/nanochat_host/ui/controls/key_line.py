"""The last line but one: the keys that do something here and now. One widget, no children."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.strip import Strip

from nanochat_host.ui.controls.one_line import OneLine
from nanochat_host.ui.render.palette import Palette

CHOOSE = "list.choose"


class KeyEntry(NamedTuple):
    """key: as pressed. label: as shown. does: in a word. everywhere: a key of the app itself."""

    key: str
    label: str
    does: str
    everywhere: bool

    @property
    def width(self) -> int:
        """Cells it takes, with the gap after it."""
        return cell_len(self.label) + cell_len(self.does) + 3


class KeyLine(OneLine):
    """Shows the visible bindings of the focused chain, nearest first, and those of the app (help,
    quit) at the right end, where they stay on the narrowest terminal. A click presses the key.

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

    def entries(self) -> list[KeyEntry]:
        """What there is to press, in order of nearness."""
        seen: dict[str, KeyEntry] = {}
        quiet = self.screen if getattr(self.screen, "hides_own_keys", False) else None
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.id == CHOOSE:
                node, binding = self.screen, self._choosing(binding)
            if binding.show and enabled and binding.action not in seen and node is not quiet:
                label = self.app.get_key_display(binding)
                # As everywhere else on the screens; Textual's sign for it is not in all fonts.
                label = "enter" if label == "⏎" else label
                seen[binding.action] = KeyEntry(
                    binding.key, label, binding.description, node is self.app
                )
        return list(seen.values())

    def _choosing(self, of_list: Binding) -> Binding:
        """A list only says that a row was chosen; the screen knows what that does, in a binding of
        its own that the list's hides."""
        named = self.screen._bindings.key_to_bindings.get(of_list.key, [])
        return next((binding for binding in named if binding.show), of_list)

    def render_line(self, y: int) -> Strip:
        palette = Palette.from_theme(self.app)
        plain = palette["muted"]
        # Below a dialog these keys do nothing, and the dialog names its own.
        entries = self.entries() if self.screen.is_active else []
        pinned = [entry for entry in entries if entry.everywhere]
        room = self.size.width - sum(entry.width for entry in pinned)
        x = 1
        placed: list[tuple[int, KeyEntry]] = []
        for entry in entries:
            if not entry.everywhere and x + entry.width <= room:
                placed.append((x, entry))
                x += entry.width
        x = max(x, room)
        for entry in pinned:
            placed.append((x, entry))
            x += entry.width
        segments: list[Segment] = []
        end = 0
        for x, entry in placed:
            segments.append(Segment(" " * (x - end), plain))
            segments.append(Segment(entry.label, palette["accent"]))
            segments.append(Segment(f" {entry.does}", plain))
            end = x + entry.width - 2
        self._spots = [(x, x + entry.width - 2, entry.key) for x, entry in placed]
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spots:
            if start <= event.x < end:
                self.app.simulate_key(key)
