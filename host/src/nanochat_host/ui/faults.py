"""What must not happen: errors of our own, kept in a file while the screen goes on if it can."""

from __future__ import annotations

import logging
from pathlib import Path

from textual import on
from textual.app import App
from textual.worker import Worker, WorkerState

from nanochat_host.crash import write_crash
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)


class Faults(App[None]):
    """The part of the app that sees its own errors. crash_file: what the last fatal one left."""

    paths: Paths
    crash_file: Path | None = None

    @on(Worker.StateChanged)
    def _worker_ended(self, message: Worker.StateChanged) -> None:
        error = message.worker.error
        if message.state is WorkerState.ERROR and isinstance(error, BaseException):
            self.report(error)

    def report(self, error: BaseException) -> None:
        """An error of ours that the screen outlives: to a file, with a line that names it."""
        logger.error("internal error", exc_info=error)
        path = write_crash(self.paths, "ui", error)
        text = f"internal error: {type(error).__name__}\ndetails in {path}"
        self.notify(text, severity="error", timeout=10.0, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        logger.error("crash", exc_info=error)
        self.crash_file = write_crash(self.paths, "ui", error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Textual would print a traceback with local variables; it is in the crash file instead.
        self._close_messages_no_wait()
