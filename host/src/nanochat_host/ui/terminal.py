"""What the terminal can show, and the way to it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.message import Message

POOR_TERMINALS = frozenset({"linux", "vt100", "vt220", "dumb"})
"""Their fonts have no braille; the Linux console's has 512 characters in all."""


def needs_ascii() -> bool:
    """Draw with ASCII only: the person says so, or the terminal has nothing better."""
    wish = os.environ.get("NANOCHAT_CLI_ASCII", "")
    if wish:
        return wish != "0"
    encoding = (getattr(sys.__stdout__, "encoding", "") or "utf-8").lower()
    return os.environ.get("TERM", "") in POOR_TERMINALS or not encoding.startswith("utf")


class Outlet:
    """The terminal as a file that Textual's writer thread writes to.

    ascii_only: whatever is drawn becomes ASCII, Textual's own scroll bars, borders and toasts, too.
    When the window was closed the rest is dropped, since a writer that fails would leave everybody
    waiting for it; and this program is told to end, as a terminal tells its foreground.
    """

    def __init__(self, file: IO[str], ascii_only: bool) -> None:
        self._file = file
        self._ascii_only = ascii_only
        self._gone = False

    def write(self, text: str) -> None:
        if not self._gone:
            if self._ascii_only:
                from nanochat_host.ui.render.ascii import plain

                text = plain(text)
            try:
                self._file.write(text)
            except OSError:
                self._end()

    def flush(self) -> None:
        if not self._gone:
            try:
                self._file.flush()
            except OSError:
                self._end()

    def fileno(self) -> int:
        return self._file.fileno()

    def _end(self) -> None:
        self._gone = True
        os.kill(os.getpid(), signal.SIGHUP)


class Pressed:
    """at: when (monotonic) the last key or click came, as the thread that reads them saw it: some
    turns of the event loop before a widget does."""

    at = 0.0


def host_driver(driver: type[Driver], pressed: Pressed) -> type[Driver]:
    """Textual's driver for this platform, writing to an `Outlet`."""
    from textual.events import Key, MouseEvent, MouseMove

    class HostDriver(driver):  # type: ignore[valid-type,misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            me: Any = self
            me._file = Outlet(me._file, needs_ascii())

        def process_message(self, message: Message) -> None:
            if isinstance(message, Key | MouseEvent) and not isinstance(message, MouseMove):
                pressed.at = time.monotonic()
            super().process_message(message)

    return HostDriver


def terminal_name() -> str:
    """What tells this terminal from the others of the person, also after a restart of the UI."""
    for variable in ("TMUX_PANE", "STY", "WT_SESSION", "TERM_SESSION_ID", "KITTY_WINDOW_ID"):
        if os.environ.get(variable):
            return f"{variable}={os.environ[variable]}"
    try:
        return os.ttyname(0)
    except OSError:
        return "none"
