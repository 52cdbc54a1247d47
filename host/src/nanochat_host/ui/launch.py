"""Opening the terminal UI, in the order that brings the first charts soonest, and closing it."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat_host.core.wire import StartRun
from nanochat_host.logs import setup_logging
from nanochat_host.packs.room import builtin_room
from nanochat_host.packs.sanitize import clean
from nanochat_host.packs.zygote_handle import Launched, launch
from nanochat_host.paths import Paths
from nanochat_host.ui.deck import open_deck
from nanochat_host.ui.modes import first_mode
from nanochat_host.ui.session import load_session
from nanochat_host.ui.words import run_name

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp


def run_ui(
    paths: Paths,
    layout: str | Path | None = None,
    run: str | None = None,
    *,
    start: StartRun | None = None,
    attach: bool = False,
) -> int:
    """Open the terminal UI until it is closed; returns the exit code.

    Raises ConfigFileError or NotFoundError for a `layout` that cannot be used.
    """
    gc.disable()  # until the first paint; the app sets it up for the rest
    setup_logging(paths, "ui")
    session = load_session(paths)
    deck, note, launched = None, "", None
    if first_mode(session.mode, bool(run or start), bool(layout)) == "dashboard":
        deck, note = open_deck(paths, layout, session.layout)
        if any(screen.panels for screen in deck.layout.screens):
            launched = _launch_ahead()
    # Textual takes most of the time until the first paint; the zygote gets ready meanwhile.
    from nanochat_host.ui.app import NanochatApp

    app = NanochatApp(
        paths,
        run=run,
        start=start,
        attach=attach,
        deck=deck,
        note=note,
        launched={builtin_room(): launched} if launched else None,
    )
    app.run()
    return say_goodbye(app)


def _launch_ahead() -> Launched | None:
    try:
        return launch(builtin_room())
    except OSError:
        return None  # the first panel tries again and shows why it cannot


def say_goodbye(app: NanochatApp) -> int:
    """What the person reads when the screen is gone; returns the exit code."""
    if app.crash_file is not None or app.return_code:
        print(
            f"nanochat-cli: the screen crashed, runs go on; details in {app.crash_file}",
            file=sys.stderr,
        )
        return 1
    if app.model.live and app.model.run is not None:
        name = clean(run_name(app.model.run))
        print(
            f"{name} goes on; `nanochat-cli` shows it again, `nanochat-cli run stop last` ends it"
        )
    return 0
