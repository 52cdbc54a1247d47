"""Keys typed while a dialog opens: its line of input gets them, although it has no focus yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.dom import DOMNode as Base
else:
    Base = object


class TypesAhead(Base):
    """For dialogs with one line of input. Focus arrives a moment after the first paint."""

    def on_key(self, event: events.Key) -> None:
        line = self.query_one(Input)
        if event.is_printable and event.character and not line.has_focus:
            event.stop()
            event.prevent_default()
            if line.select_on_focus:  # then the first key replaces what stands there
                line.value, line.select_on_focus = "", False
            line.insert_text_at_cursor(event.character)
