"""Unsaved edits on disk: they outlive a crash, a kill and a restart. One file for each terminal
and layout; a terminal that is gone leaves its edits to the next one that opens the layout."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from nanochat_host.layout.spec import ScreenSpec
from nanochat_host.paths import Paths, atomic_write
from nanochat_host.ui.terminal import terminal_name

logger = logging.getLogger(__name__)


class Draft(msgspec.Struct):
    """path: of the layout. digest: of the text that was edited. writer: process id of the UI that
    wrote it, and when that started, in seconds since 1970. screens: as edited. screen: id of the
    one that was open."""

    path: str
    digest: str
    writer: tuple[int, float]
    title: str
    screens: tuple[ScreenSpec, ...]
    screen: str = ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def draft_file(paths: Paths, layout: Path) -> Path:
    """Where this terminal keeps its edits of that layout."""
    return paths.drafts / f"{_short(str(layout))}-{_short(terminal_name())}.json"


def keep_draft(paths: Paths, draft: Draft) -> None:
    """Write the edits; a disk that refuses costs a log line, nothing more."""
    try:
        paths.drafts.mkdir(parents=True, exist_ok=True)
        atomic_write(draft_file(paths, Path(draft.path)), msgspec.json.encode(draft), 0o600)
    except (OSError, msgspec.MsgspecError, TypeError) as error:
        logger.warning("unsaved edits of a layout are not kept: %s", error)


def drop_drafts(paths: Paths, layout: Path) -> None:
    """The edits are saved, or not wanted."""
    for file in _found(paths, layout):
        with contextlib.suppress(OSError):
            file.unlink()


def find_draft(paths: Paths, layout: Path) -> Draft | None:
    """Edits of that layout which nobody works on any more, or None."""
    for file in _found(paths, layout):
        try:
            draft = msgspec.json.decode(file.read_bytes(), type=Draft)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            logger.warning("unsaved edits in %s are not used: %s", file, error)
            continue
        if draft.path == str(layout):
            return draft
    return None


def _found(paths: Paths, layout: Path) -> Iterator[Path]:
    """This terminal's file, then those of terminals whose UI is gone."""
    mine = draft_file(paths, layout)
    if mine.exists():
        yield mine
    for file in sorted(paths.drafts.glob(f"{_short(str(layout))}-*.json")):
        if file != mine and not _in_use(file):
            yield file


def this_writer() -> tuple[int, float]:
    """What tells this process from one that has its id later."""
    return os.getpid(), psutil.Process().create_time()


def _in_use(file: Path) -> bool:
    """The UI that wrote it still runs."""
    try:
        pid, started = msgspec.json.decode(file.read_bytes())["writer"]
        process = psutil.Process(pid)
        alive: bool = process.create_time() == started and process.status() != psutil.STATUS_ZOMBIE
        return alive and pid != os.getpid()
    except (OSError, msgspec.DecodeError, psutil.Error, KeyError, TypeError, ValueError):
        return False
