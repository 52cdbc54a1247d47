"""The person's keymap in a running app: read, checked, and shown where keys are shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nanochat_host.errors import ConfigFileError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.keymap import check, read_keymap

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

SHOWN = 3
"""Mistakes that are told at once; `nanochat-cli keys check` lists them all."""


def use_keymap(app: NanochatApp) -> None:
    """Put the keys of `keymap.toml` in place; what is wrong with it is said, the rest counts."""
    try:
        keymap = read_keymap(app.paths)
    except ConfigFileError as error:
        _tell(app, [str(error)])
    else:
        app.set_keymap(keymap)
        app.work(_check(app, keymap), "keymap")


async def _check(app: NanochatApp, keymap: dict[str, str]) -> None:
    """Beside the event loop: it imports all of the UI."""
    _tell(app, await asyncio.to_thread(check, keymap))


def _tell(app: NanochatApp, wrong: list[str]) -> None:
    if wrong:
        more = len(wrong) - SHOWN
        told = [*wrong[:SHOWN], *([f"and {more} more: `nanochat-cli keys check`"] * (more > 0))]
        app.tell(clean("keymap: " + "; ".join(told)), "warning", 15.0)
