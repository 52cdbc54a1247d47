"""What every dialog has in common: it is closed once, and closes nothing but itself.

Keys and clicks that were typed before a dialog had gone still reach it. Textual would then close
the screen below it, or end the program where there is none.
"""

from __future__ import annotations

from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.screen import ModalScreen, ScreenResultType
from textual.worker import Worker


class Dialog(ModalScreen[ScreenResultType]):
    """A screen above another, with a result."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close it with a result, unless it is closed already or another one lies above it."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Palette(CommandPalette):
    """Every command, searchable."""

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
