"""What the terminal can show."""

from __future__ import annotations

import os
import sys

from textual.driver import Driver

from nanochat_host.ui.render.ascii import plain

POOR_TERMINALS = frozenset({"linux", "vt100", "vt220", "dumb"})
"""Their fonts have no braille; the Linux console's has 512 characters in all."""


def needs_ascii() -> bool:
    """Draw with ASCII only: the person says so, or the terminal has nothing better."""
    wish = os.environ.get("NANOCHAT_CLI_ASCII", "")
    if wish:
        return wish != "0"
    encoding = (getattr(sys.__stdout__, "encoding", "") or "utf-8").lower()
    return os.environ.get("TERM", "") in POOR_TERMINALS or not encoding.startswith("utf")


def ascii_driver(driver: type[Driver]) -> type[Driver]:
    """That driver, writing ASCII only: Textual's own scroll bars, borders and toasts, too."""

    class AsciiDriver(driver):  # type: ignore[valid-type,misc]
        def write(self, data: str) -> None:
            super().write(plain(data))

    return AsciiDriver
