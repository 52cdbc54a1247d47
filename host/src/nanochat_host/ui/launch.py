"""Opening the terminal UI, in the order that brings the first charts soonest, and closing it."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat_host.packs.launch import Launched, launch
from nanochat_host.packs.room import builtin_room
from nanochat_host.paths import Paths

if TYPE_CHECKING:
    from nanochat_host.core.wire import StartRun
    from nanochat_host.ui.app import NanochatApp
    from nanochat_host.ui.deck import Deck


def run_ui(
    paths: Paths,
    layout: str | Path | None = None,
    run: str | None = None,
    *,
    start: StartRun | None = None,
    attach: bool = False,
    passing: bool = False,
) -> int:
    """Open the terminal UI until it is closed; returns the exit code. passing: its run ends with
    it.

    Raises ConfigFileError or NotFoundError for a `layout` that cannot be used.
    """
    gc.disable()  # until the first paint; the app sets it up for the rest
    # The zygote gets ready while the rest is imported, which takes most of the time until the
    # first paint. Whoever asks for a run or a layout is shown panels; else the session knows.
    launched = _launch_ahead() if run or start or layout else None
    from nanochat_host.logs import setup_logging
    from nanochat_host.ui.modes import first_mode
    from nanochat_host.ui.session import load_session

    setup_logging(paths, "ui")
    session = load_session(paths)
    deck, note = None, ""
    if first_mode(session.mode, bool(run or start), bool(layout)) == "dashboard":
        launched = launched or _launch_ahead()
        deck, note = _open_deck(paths, layout, session.layout, launched)
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
    app.lasting = True
    app.run()
    return say_goodbye(app, passing=passing)


def _launch_ahead() -> Launched | None:
    try:
        return launch(builtin_room())
    except OSError:
        return None  # the first panel tries again and shows why it cannot


def _open_deck(
    paths: Paths, layout: str | Path | None, remembered: str, launched: Launched | None
) -> tuple[Deck, str]:
    from nanochat_host.ui.deck import open_deck

    try:
        return open_deck(paths, layout, remembered)
    except BaseException:
        if launched is not None:
            launched.end()
        raise


def say_goodbye(app: NanochatApp, *, passing: bool = False) -> int:
    """What the person reads when the screen is gone; returns the exit code."""
    if app.crash_file is not None or app.return_code:
        print(
            f"nanochat-cli: the screen crashed, runs go on; details in {app.crash_file}",
            file=sys.stderr,
        )
        return 1
    if app.model.live and app.model.run is not None and not passing:
        from nanochat_host.packs.sanitize import clean
        from nanochat_host.ui.words import run_name

        name, run_id = clean(run_name(app.model.run)), app.model.run.id
        print(f"{name} goes on; `nanochat-cli` shows it again, `nanochat-cli run stop {run_id}`"
              " ends it")  # fmt: skip
    return 0
