"""Edits that are not saved yet, kept on disk for a restart of the UI."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from nanochat_host.ui.edit.drafts import Draft, find_draft, keep_draft, this_writer

if TYPE_CHECKING:
    from nanochat_host.ui.edit.editor import Editor

KEEP_AFTER_S = 0.15


class Unsaved:
    """Those of one editor. They are taken up by the next UI in this terminal."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def keep(self) -> None:
        """Write them down, once no other edit comes at once."""
        editor = self._editor
        draft = Draft(
            str(editor.file.path), editor.file.digest, this_writer(), editor.layout.title,
            editor.layout.screens, editor.dashboard.screen_id,
        )  # fmt: skip

        async def keep() -> None:
            await asyncio.sleep(KEEP_AFTER_S)
            if editor.dirty:
                await asyncio.to_thread(keep_draft, editor.host.paths, draft)
            else:
                await asyncio.to_thread(editor.saving.forget)

        editor.host.run_worker(keep(), group="draft", exclusive=True, exit_on_error=False)

    def restore(self) -> None:
        """Take up edits that were not saved when the UI ended."""
        editor = self._editor
        draft = find_draft(editor.host.paths, editor.file.path)
        if draft is None or not draft.screens or editor.dirty:
            return
        if draft.digest != editor.file.digest:
            # Saving asks then: somebody wrote the file in the meantime.
            editor.file = replace(editor.file, stale=True)
        layout = replace(editor.layout, title=draft.title, screens=draft.screens)
        editor.history.do("unsaved edits of before", layout)
        editor.enter()
        editor.show("unsaved edits of before", draft.screen)
        editor.host.tell("your unsaved edits of this layout are back: ctrl+s saves, u drops them")
