"""The log, on the whole screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from nanochat_host.ui.controls.log_pane import LEVELS, LogPane
from nanochat_host.ui.model import ALL_TOPICS
from nanochat_host.ui.screens.base import HostScreen


class LogScreen(HostScreen):
    """What the run on show prints."""

    mode = "log"
    HEALTH = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "app.show('dashboard')", "Dashboard"),
        Binding("escape", "app.back", "Back"),
        *(Binding(str(n + 1), f"level({n})", show=False) for n in range(len(LEVELS))),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.pane = LogPane()

    def body(self) -> Iterable[Widget]:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.log_view.focus()

    def on_screen_resume(self) -> None:
        if self.pane.is_attached:
            self.pane.show_model(ALL_TOPICS)

    def place(self) -> str:
        return self.pane.counted

    def action_level(self, index: int) -> None:
        """Show lines of that level and above."""
        self.pane.set_level(index)

    @on(LogPane.Loaded)
    def _loaded(self) -> None:
        self.refresh_bar()
