"""Jump mode: a letter on everything that can have the focus; typing it goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.ui.screens.dialog import Dialog

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The home row first: few panels, short ways."""


class JumpScreen(Dialog[Widget | None]):
    """Dismissed with the widget of the letter, or None. targets: where each one is seen."""

    CSS_PATH = "modal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+g", "dismiss(None)", "Stay")]

    def __init__(self, targets: dict[str, tuple[Widget, Offset]]) -> None:
        super().__init__()
        self._targets = targets

    def compose(self) -> ComposeResult:
        for letter, (_, offset) in self._targets.items():
            label = Static(Content(f" {letter} "), classes="letter")
            label.styles.offset = offset
            yield label

    def on_key(self, event: events.Key) -> None:
        target = self._targets.get(event.character or "")
        if target is not None:
            event.stop()
            self.dismiss(target[0])

    def on_click(self) -> None:
        self.dismiss(None)


def jump(app: NanochatApp) -> None:
    """Offer the letters of the present screen. Nothing happens where there is one place only."""
    screen = app.screen
    seen = [w for w in screen.focus_chain if w.region.area and screen.region.overlaps(w.region)]
    seen.sort(key=lambda w: (w.region.y, w.region.x))
    targets = {
        letter: (widget, widget.region.offset + Offset(1, 0))
        for letter, widget in zip(LETTERS, seen, strict=False)
    }
    if len(targets) < 2 or isinstance(screen, JumpScreen):
        return

    def go(widget: Widget | None) -> None:
        if widget is not None:
            widget.focus()

    app.push_screen(JumpScreen(targets), go)
