"""What a key opens above any screen, imported when it is first wanted; and keys that come before
their screen is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.dom import DOMNode
from textual.screen import Screen

from nanochat_host.ui.faults import Faults

if TYPE_CHECKING:
    from textual.actions import ActionParseResult


class Dialogs(Faults):
    """The app's part that opens dialogs and turns keys into actions."""

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """As Textual does it, but a key that comes before its screen is built means nothing yet."""
        early = isinstance(default_namespace, Screen) and not default_namespace.is_mounted
        if early and not str(action).startswith("app."):
            return False
        return await super().run_action(action, default_namespace, namespaces)

    def action_command_palette(self) -> None:
        """Every command, searchable."""
        from nanochat_host.ui.screens.dialog import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())  # no id: the one before may still be going

    def action_ask_theme(self) -> None:
        """The gallery of themes."""
        from nanochat_host.ui.screens.themes import ThemeScreen

        self.push_screen(ThemeScreen())
