"""What the UI remembers between two starts: convenience only, never the truth about a run.

Each terminal has a file of its own, so that two of them do not take each other's place; a terminal
that is new begins where the last one was.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec

from nanochat_host.paths import Paths, atomic_write
from nanochat_host.ui.terminal import terminal_name

logger = logging.getLogger(__name__)
FORGET_S = 60 * 86400.0
"""Terminals that were not seen for so long."""


class KeptView(msgspec.Struct, omit_defaults=True):
    """What a person chose about a panel's drawing, see `ChartView`. run: the run it was made in."""

    x_start: float | None = None
    x_end: float | None = None
    log_x: bool | None = None
    log_y: bool | None = None
    smoothing: float | None = None
    scroll: int = 0
    run: str = ""


class Session(msgspec.Struct):
    """Contents of a file in `$NANOCHAT_CLI_HOME/ui`.

    run: id of the run last shown. layout: name or path. mode: the screen last shown. tabs: layout
    name to the id of its tab last shown. zoomed: id of the panel that filled the screen, or "".
    views: by "layout/screen/panel".
    """

    theme: str = ""
    run: str = ""
    layout: str = ""
    mode: str = ""
    tabs: dict[str, str] = {}
    zoomed: str = ""
    views: dict[str, KeptView] = {}


def session_file(paths: Paths) -> Path:
    """Where this terminal's session is kept."""
    return paths.ui_state / f"state-{zlib.crc32(terminal_name().encode()):08x}.json"


def last_file(paths: Paths) -> Path:
    """The session that was written last, by whichever terminal."""
    return paths.ui_state / "state.json"


def load_session(paths: Paths) -> Session:
    """This terminal's last session, else the last of any; a fresh one if there is none that can be
    read."""
    for file in (session_file(paths), last_file(paths)):
        try:
            return msgspec.json.decode(file.read_bytes(), type=Session)
        except FileNotFoundError:
            continue
        except (OSError, msgspec.DecodeError) as error:
            logger.warning("the remembered screens are not used: %s: %s", file, error)
    return Session()


def save_session(paths: Paths, raw: bytes) -> None:
    """Write an encoded session; a disk that refuses costs a log line, nothing more."""
    try:
        paths.ui_state.mkdir(parents=True, exist_ok=True)
        atomic_write(session_file(paths), raw)
        atomic_write(last_file(paths), raw)
        _forget_old(paths)
    except OSError as error:
        logger.warning("the screens are not remembered: %s", error)


class SessionWriter:
    """Writes one after another: what was asked for last is what stays. Lives in one event loop."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._newest = self._written = b""
        self._turn = asyncio.Lock()

    def has(self, raw: bytes) -> bool:
        """It is on disk, and nothing else is on its way there."""
        return raw == self._newest == self._written

    async def write(self, raw: bytes) -> None:
        """Keep an encoded session; returns when it, or what was asked for since, is on disk."""
        self._newest = raw
        async with self._turn:
            if (newest := self._newest) != self._written:
                await asyncio.to_thread(save_session, self._paths, newest)
                self._written = newest


def _forget_old(paths: Paths) -> None:
    for file in paths.ui_state.glob("state-*.json"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > FORGET_S:
                file.unlink()
