"""A pack that is being written: at every save its panels are started anew, and only they."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.pack_changes import use_catalog
from nanochat_host.ui.widgets.panel_view import PanelView

if TYPE_CHECKING:
    from nanochat_host.ui.screens.deck_screen import DeckScreen

LOOK_EVERY_S = 0.05
MAX_FILES = 300
LEFT_OUT = frozenset({"golden", "__pycache__", ".git", ".pytest_cache"})

Signature: TypeAlias = frozenset[tuple[str, int, int, int]]


def signature(folder: Path) -> Signature:
    """Name, inode, time and size of every file of a pack."""
    return frozenset(islice(_files(folder), MAX_FILES))


def _files(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    try:
        children = list(folder.iterdir())
    except OSError:
        return
    for child in children:
        if child.name in LEFT_OUT:
            continue
        if child.is_dir():
            yield from _files(child)
            continue
        try:
            about = child.stat()
        except OSError:
            continue  # an editor is replacing it
        yield str(child), about.st_ino, about.st_mtime_ns, about.st_size


class PackWatch:
    """Looks at the folder for as long as the dashboard is open."""

    def __init__(self, dashboard: DeckScreen, folder: str) -> None:
        self._dashboard = dashboard
        self._folder = Path(folder)
        self._seen = signature(self._folder)
        dashboard.run_worker(self._look_on(), group="pack watch", exit_on_error=False)

    async def _look_on(self) -> None:
        """Its files are many and its disk may be slow: neither holds up a key."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._look(await asyncio.to_thread(signature, self._folder))

    def _look(self, found: Signature) -> None:
        if found != self._seen:
            self._seen = found
            self._dashboard.host.work(self._take_over(), "pack dev")
            return
        for view in self._views():
            # Its author wants the traceback, not the last picture that worked.
            if view.failing and view.process is not None and view.process.payload is not None:
                view.process.payload = None
                view.refresh_from_process()

    def _views(self) -> list[PanelView]:
        """The panels of the pack."""
        views = self._dashboard.query(PanelView)
        return [v for v in views if v.entry is not None and v.entry.folder == self._folder]

    async def _take_over(self) -> None:
        """The manifest first: what it says now may need other panels."""
        dashboard = self._dashboard
        before = dashboard.deck
        catalog = await asyncio.to_thread(Catalog.discover, paths=dashboard.host.paths)
        if before is None or not dashboard.is_attached:
            return
        for error in catalog.errors:
            if str(self._folder) in str(error):
                dashboard.host.tell(clean(str(error)), "error", 15.0)
                return
        if catalog.manifests != before.catalog.manifests:
            use_catalog(dashboard, catalog)
            return
        for view in self._views():
            if view.process is not None:
                view.process.restart()
