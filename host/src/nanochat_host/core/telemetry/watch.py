"""Which run's folder changed: inotify where there is one, and looking regularly in any case."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from nanochat_host.core.telemetry.inotify import Inotify

logger = logging.getLogger(__name__)
POLL_S = 0.25
SAFETY_POLL_S = 2.0
"""Beside inotify, which is silent on network file systems."""
GATHER_S = 0.015
"""After a change wait this long before asking the kernel again: a thousand writes, few wake-ups."""


class Watch:
    """Calls `changed(folder name)` in the loop."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._folders: set[Path] = set()
        self._watched: set[Path] = set()
        self._inotify: Inotify | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on."""
        self._loop = loop
        try:
            self._inotify = Inotify()
            loop.add_reader(self._inotify.fd, self._readable)
        except OSError as error:
            logger.info("looking every %s s for changes: %s", POLL_S, error)
        for folder in self._folders:
            self._register(folder)
        self._poll()

    def close(self) -> None:
        """Stop watching."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._inotify and self._loop:
            self._loop.remove_reader(self._inotify.fd)
            self._inotify.close()
        self._inotify = self._loop = None

    def add(self, folder: Path) -> None:
        """Watch a folder. Idempotent."""
        if folder not in self._folders:
            self._folders.add(folder)
            self._register(folder)

    def remove(self, folder: Path) -> None:
        """Stop watching a folder."""
        self._folders.discard(folder)
        if folder in self._watched and self._inotify:
            self._inotify.remove(folder)
        self._watched.discard(folder)

    def _register(self, folder: Path) -> None:
        if self._inotify is None or folder in self._watched:
            return
        try:
            self._inotify.add(folder)
            self._watched.add(folder)
        except OSError as error:
            logger.info("looking every %s s for changes: %s", POLL_S, error)

    def _readable(self) -> None:
        if self._inotify is None or self._loop is None:
            return
        for folder in self._inotify.changed():
            self._changed(folder.name)
        self._loop.remove_reader(self._inotify.fd)
        self._timers["gather"] = self._loop.call_later(GATHER_S, self._listen)

    def _listen(self) -> None:
        if self._inotify and self._loop:
            self._loop.add_reader(self._inotify.fd, self._readable)

    def _poll(self) -> None:
        if self._loop is None:
            return
        for folder in self._folders:
            self._register(folder)
            self._changed(folder.name)
        every = SAFETY_POLL_S if self._folders <= self._watched else POLL_S
        self._timers["poll"] = self._loop.call_later(every, self._poll)
