"""Saving a layout from the screen, and what is asked before something would be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from nanochat_host.errors import NanochatCliError
from nanochat_host.layout.history import History
from nanochat_host.layout.save import Catalog, ChangedOnDiskError, LayoutFile
from nanochat_host.layout.spec import LayoutSpec
from nanochat_host.packs.sanitize import clean
from nanochat_host.paths import Paths
from nanochat_host.ui.edit.drafts import drop_drafts
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.ui.edit.editor import Editor

Write: TypeAlias = Callable[[LayoutFile, LayoutSpec, Catalog, Paths], LayoutFile]
"""A way to write edits into a file; raises what `LayoutFile.save` raises."""


class Saving:
    """Jobs run in workers of the app: writing waits for the disk, asking for the person."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._host = editor.host

    def start(self) -> None:
        """Save where it was read from, or a copy of a shipped layout."""
        self._host.work(self.save(), "save-layout")

    def start_save_as(self) -> None:
        """Ask for a name, then save under it."""
        self._host.work(self.save_as(), "save-layout")

    def ask_and_leave(self) -> None:
        """Leave the edit mode; edits that are not saved are asked about."""
        self._host.work(self._ask_and_leave(), "save-layout")

    async def save(self, *, overwrite: bool = False) -> bool:
        """Write the file; whether it was. What stands against it is said or asked."""
        copies = self._editor.file.shipped
        try:
            saved = await self._write(partial(LayoutFile.save, overwrite=overwrite))
        except ChangedOnDiskError as error:
            return await self._ask_about(error)
        except NanochatCliError as error:
            self._host.tell(clean(str(error)), "error", 10.0)
            return False
        where = f"a copy of your own: {saved.path}" if copies else str(saved.path)
        self._host.tell(f"saved to {clean(where)}", timeout_s=8.0 if copies else 4.0)
        return True

    async def save_as(self) -> bool:
        """Write a file of another name; whether it was."""
        question = "Save as: name of the new layout"
        help_text = f"a file in {self._host.paths.layouts}"
        title = await self._host.push_screen_wait(AskScreen(question, "", clean(help_text)))
        title = clean(title or "").strip()[:60]
        if not title:
            return False
        try:
            saved = await self._write(lambda file, *what: file.save_as(title, *what), title)
        except NanochatCliError as error:
            self._host.tell(clean(str(error)), "error", 10.0)
            return False
        self._host.tell(f"saved to {clean(str(saved.path))}", timeout_s=8.0)
        return True

    async def _write(self, how: Write, title: str = "") -> LayoutFile:
        """What was written. title: another one, for a file of another name. Raises as `how`."""
        editor, host = self._editor, self._host
        async with editor.dashboard.file_turn:
            layout, catalog = editor.layout, host.deck.catalog.manifests
            saved = await asyncio.to_thread(how, editor.file, layout, catalog, host.paths)
            self._saved(saved, layout, title or layout.title)
        return saved

    def _saved(self, saved: LayoutFile, written: LayoutSpec, title: str) -> None:
        """The file holds what was on the screen when writing began, and is the layout of this
        terminal from now on. Edits made meanwhile are still to be saved."""
        editor = self._editor
        drop_drafts(self._host.paths, editor.file.path)
        editor.file = saved
        named = partial(replace, path=saved.path, name=saved.path.stem, title=title)
        now = named(editor.layout)
        editor.history.settle(named(written))
        self._host.deck = replace(self._host.deck, layout=now, text=saved.text)
        editor.dashboard.adopt(self._host.deck)
        if now.screens != written.screens:
            editor.unsaved.keep()
        self._host.session.layout = (
            now.name if saved.path.parent == self._host.paths.layouts else str(saved.path)
        )
        self._host.remember()
        editor.say("")  # the bar says that it is saved

    async def _ask_about(self, error: ChangedOnDiskError) -> bool:
        answer = await self._host.push_screen_wait(
            ConfirmScreen(
                "The layout has changed on disk",
                clean(error.message),
                [
                    Choice("overwrite", "o", "overwrite", "what was written there goes", "error"),
                    Choice("as", "s", "save as", "both stay, under two names"),
                    Choice("reload", "r", "reload", "your edits here go", "warning"),
                ],
            )
        )
        if answer == "overwrite":
            return await self.save(overwrite=True)
        if answer == "as":
            return await self.save_as()
        if answer == "reload":
            from nanochat_host.ui.edit.reload import reload_layout

            self.drop()
            await reload_layout(self._editor.dashboard)
        return False

    async def _ask_and_leave(self) -> None:
        editor = self._editor
        answer = await self._host.push_screen_wait(
            ConfirmScreen(
                "Leave with unsaved edits?",
                f"Last: {editor.history.undo_name or 'unsaved edits'}",
                [
                    Choice("save", "s", "save", f"to {clean(str(self._target()))}"),
                    Choice("keep", "k", "keep", "on this screen, not in the file; E goes on"),
                    Choice("drop", "d", "discard", "back to what the file says", "warning"),
                ],
            )
        )
        if answer == "save" and not await self.save():
            return
        if answer == "drop":
            self.drop()
        if answer:
            editor.leave()

    def _target(self) -> object:
        return self._editor.file.home(self._host.paths)

    def drop(self) -> None:
        """Back to the file's version; nothing to undo."""
        self._editor.history = History(self._editor.history.saved)
        self._editor.show("edits discarded")
        self.forget()

    def forget(self) -> None:
        """No edits wait on disk any more."""
        drop_drafts(self._host.paths, self._editor.file.path)
