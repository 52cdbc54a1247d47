"""The text area that lies over a panel's editor while the person writes in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea


class EditorArea(TextArea):
    """Its panel has the keys for sending and leaving; losing the focus is leaving too."""

    DEFAULT_CSS = """
    EditorArea, EditorArea:focus {
        position: absolute; border: none; padding: 0; background: $background;
    }
    """
    BINDINGS: ClassVar = []

    @dataclass
    class Left(Message):
        """text: as it stands."""

        text: str

    def __init__(self, text: str) -> None:
        super().__init__(text, show_line_numbers=False, tab_behavior="focus", soft_wrap=True)
        self._gone = False

    def leave(self) -> None:
        """Go, without a word."""
        if not self._gone:
            self._gone = True
            self.remove()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Textual may paint it once more after its styles are gone."""
        if self._gone:
            return [Strip.blank(crop.width)] * crop.height
        return super().render_lines(crop)

    def on_blur(self) -> None:
        """Keys go elsewhere: hand over what was written."""
        if not self._gone:
            self.post_message(self.Left(self.text))
