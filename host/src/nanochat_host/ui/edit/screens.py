"""Edits of the tabs: new, duplicate, rename, reorder, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanochat_host.layout import edit
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.ui.edit.editor import Editor

MAX_TITLE = 40


class Screens:
    """Each asks for what it needs, then is an edit like any other."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def new(self) -> None:
        """An empty one after the open one; it is the log until it gets a panel."""
        self._ask("Title of the new screen", "", lambda title: self._add(title, ""))

    def duplicate(self) -> None:
        """One with the same panels."""
        screen = self._editor.screen
        self._ask(
            "Title of the copy", f"{screen.title} 2"[:MAX_TITLE],
            lambda title: self._add(title, screen.id),
        )  # fmt: skip

    def rename(self) -> None:
        """Another title on the tab."""
        screen = self._editor.screen
        self._ask(
            "Title of the screen", screen.title,
            lambda title: self._editor.do(
                f"rename {clean(screen.title)}",
                lambda layout: edit.rename_screen(layout, screen.id, title),
            ),
        )  # fmt: skip

    def move(self, steps: int) -> None:
        """Further to the right on the tabs, or to the left."""
        screen = self._editor.screen
        name = f"move screen {clean(screen.title)}"
        self._editor.do(name, lambda layout: edit.move_screen(layout, screen.id, steps))

    def delete(self) -> None:
        """The open one, once the person has said so."""
        screen = self._editor.screen
        count = len(screen.panels)
        panels = "1 panel goes" if count == 1 else f"{count} panels go" if count else "it is empty"

        def answered(answer: str | None) -> None:
            if answer == "delete":
                name = f"delete screen {clean(screen.title)}"
                self._editor.do(name, lambda layout: edit.delete_screen(layout, screen.id))

        self._editor.host.push_screen(
            ConfirmScreen(
                f"Delete the screen {clean(screen.title)}?",
                "The run goes on; the file keeps it until you save.",
                [Choice("delete", "y", "delete", f"{panels}; u brings it back", "warning")],
            ),
            answered,
        )

    def _add(self, title: str, like: str) -> None:
        after = self._editor.screen.id
        layout = self._editor.layout
        new_id = edit.free_id(title.lower(), (screen.id for screen in layout.screens))
        self._editor.do(
            f"add screen {clean(title)}",
            lambda layout: edit.add_screen(layout, title, after, like)[0],
            show=new_id,
        )

    def _ask(self, question: str, value: str, answer: Callable[[str], object]) -> None:
        def answered(text: str | None) -> None:
            title = clean(text or "").strip()[:MAX_TITLE]
            if title:
                answer(title)

        self._editor.host.push_screen(AskScreen(question, clean(value)), answered)
