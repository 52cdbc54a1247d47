"""What every dialog has in common: it is closed once, and closes nothing but itself.

Keys and clicks that were typed before a dialog had gone still reach it. Textual would then close
the screen below it, or end the program where there is none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.geometry import Offset
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widget import Widget
from textual.worker import Worker

from nanochat_host.ui.type_ahead import TypesAhead


class BearsClicks:
    """For every screen: Textual's selection of text trips over a widget that is clicked while it is
    being removed."""

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """What is at a cell, if it is still there."""
        screen: Any = super()
        widget, offset = screen.get_widget_and_offset_at(x, y)
        gone = widget is not None and widget.parent is None and not isinstance(widget, Screen)
        return (None, None) if gone else (widget, offset)


class Dialog(BearsClicks, ModalScreen[ScreenResultType]):
    """A screen above another, with a result."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close it with a result, unless it is closed already or another one lies above it."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Palette(BearsClicks, TypesAhead, CommandPalette):
    """Every command, searchable."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):  # Textual's list cannot move before it was drawn
            super()._action_command_list(action)

    def run_worker(self, *args: Any, **options: Any) -> Worker[Any]:
        """What looks for commands may find that their list has gone: no reason to end."""
        return super().run_worker(*args, **{**options, "exit_on_error": False})

    def dismiss(self, result: None = None) -> AwaitComplete:
        """As of a dialog. What still looks for commands would look for a list that has gone."""
        if not self.is_active:
            return AwaitComplete()
        self.workers.cancel_node(self)
        self._stop_no_matches_countdown()
        return super().dismiss(result)
