"""A line to filter or search with, out of the way until it is wanted."""

from __future__ import annotations

from textual.widgets import Input


class SearchLine(Input):
    """Hidden at first; while hidden it cannot take the focus, whatever happens to the screen."""

    DEFAULT_CSS = """
    SearchLine, SearchLine:focus {
        background: $background; color: $foreground; border: none; height: 1; padding: 0 1;
    }
    """

    def __init__(self, placeholder: str, id: str) -> None:
        super().__init__(placeholder=placeholder, compact=True, id=id)
        self.display = self.can_focus = False

    def open(self) -> None:
        """Show it, ready to be typed into."""
        self.display = self.can_focus = True
        self.focus()

    def close(self) -> bool:
        """Empty and hide it. False if it was hidden."""
        if not self.display:
            return False
        self.value = ""
        self.display = self.can_focus = False
        return True
