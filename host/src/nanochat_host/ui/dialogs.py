"""What a key opens above any screen. Each is imported when it is first wanted."""

from __future__ import annotations

from nanochat_host.ui.faults import Faults


class Dialogs(Faults):
    """The app's part that opens them."""

    def action_command_palette(self) -> None:
        """Every command, searchable."""
        from nanochat_host.ui.screens.dialog import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())  # no id: the one before may still be going

    def action_ask_theme(self) -> None:
        """The gallery of themes."""
        from nanochat_host.ui.screens.themes import ThemeScreen

        self.push_screen(ThemeScreen())
