"""A layout whose file changed under the screen: taken in if it is right, said if it is not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.deck import Deck, read_deck

if TYPE_CHECKING:
    from nanochat_host.ui.screens.deck_screen import DeckScreen

Stamp = tuple[int, int, int]
"""Inode, size and time of change of a file."""


def stamp_of(path: Path) -> Stamp | None:
    """None when there is no such file, or the disk does not answer."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


async def reload_if_changed(dashboard: DeckScreen) -> None:
    """Read the file again if it is another than the last time, and says something else."""
    async with dashboard.file_turn:
        deck = dashboard.deck
        if deck is None:
            return
        path = deck.layout.path
        stamp = await asyncio.to_thread(stamp_of, path)
        known, dashboard.stamp = dashboard.stamp, (path, stamp)
        if stamp is None or known == (path, stamp):
            return
        text = await asyncio.to_thread(_text_of, path)
    if text != deck.text:
        await reload_layout(dashboard, asked=False)


async def reload_layout(dashboard: DeckScreen, *, asked: bool = True) -> None:
    """Read the file and the installed packs again. A file that is wrong changes nothing. asked: by
    the person, who is told in any case."""
    async with dashboard.file_turn:
        await _reload(dashboard, asked=asked)


async def _reload(dashboard: DeckScreen, *, asked: bool) -> None:
    host, before = dashboard.host, dashboard.deck
    if before is None:
        return
    path = before.layout.path
    try:
        deck = await asyncio.to_thread(read_deck, host.paths, path)
    except NanochatCliError as error:
        host.tell(
            f"{clean(str(error))}\nthe screen stays as it was; f5 reads the file again once it is "
            "right", "error", 15.0,
        )  # fmt: skip
        return
    if deck.text == before.text and not asked:
        return
    if dashboard.unsaved:
        host.tell(
            f"{clean(str(path))} has changed on disk\nyour edits stay on the screen; ctrl+s asks "
            "which to keep", "warning", 10.0,
        )  # fmt: skip
        return
    await _take(dashboard, before, deck)
    host.tell(f"{clean(path.name)} was read again")


async def _take(dashboard: DeckScreen, before: Deck, deck: Deck) -> None:
    """Packs that came or went need new panels; else only what the file changed is touched."""
    if deck.catalog.manifests != before.catalog.manifests:
        dashboard.host.deck = deck
        await dashboard.use(deck)
        return
    dashboard.host.deck = deck
    dashboard.adopt(deck)
    dashboard.editing_anew(deck)
