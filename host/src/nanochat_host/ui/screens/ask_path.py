"""A folder asked of the person, completed while it is typed."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, Static

from nanochat_host.paths import expand
from nanochat_host.ui.screens.ask import AskScreen

MAX_ENTRIES = 2000
MAX_LOOKS = 50


class FolderSuggester(Suggester):
    """Ends what is typed with the first folder that begins so."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete, value)


def complete(text: str) -> str | None:
    """The path with its last part completed to a folder, one that holds `scripts/` first; None if
    there is none. Blocks."""
    parent, slash, begun = text.rpartition("/")
    if not slash:
        return None
    folder = expand(f"{parent}/")
    try:
        with os.scandir(folder) as entries:
            names = [
                e.name for _, e in zip(range(MAX_ENTRIES), entries, strict=False) if e.is_dir()
            ]
    except OSError:
        return None
    hidden = begun.startswith(".")
    fits = [n for n in names if n.startswith(begun) and n != begun and n.startswith(".") is hidden]
    checkouts = [n for n in fits[:MAX_LOOKS] if (folder / n / "scripts").is_dir()]
    return f"{parent}/{min(checkouts or fits)}/" if fits else None


class AskPathScreen(AskScreen):
    """Tab or the right arrow takes what is suggested."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "take", "Complete", priority=True),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="line"):
            yield Static(Content(self._question), classes="title")
            yield Input(
                self._value, compact=True, select_on_focus=False, suggester=FolderSuggester()
            )
            help_text = f"{self._help}; " if self._help else ""
            yield Static(
                Content(f"{help_text}tab completes, enter takes, esc goes back"), classes="help"
            )

    @on(Input.Changed)
    def _begun_anew(self, message: Input.Changed) -> None:
        """A whole path, pasted or typed behind what stood there, takes its place."""
        rest = message.value.removeprefix(self._value)
        if rest != message.value and self._value.endswith("/") and rest.startswith(("/", "~")):
            message.input.value = rest
            message.input.cursor_position = len(rest)

    async def action_take(self) -> None:
        """Take the suggestion, or look for one at once."""
        line = self.query_one(Input)
        typed = line.value
        found = await asyncio.to_thread(complete, typed)
        if found is not None and line.value == typed:
            line.value = found
            line.cursor_position = len(found)
