"""What must not happen: errors of our own, kept in a file while the screen goes on if it can."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from textual import on
from textual.app import App
from textual.css.query import NoMatches
from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerFailed, WorkerState

from nanochat_host.crash import write_crash
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)
MANY, WITHIN_S = 5, 10.0
"""So many errors within so many seconds are no accident: the screen cannot be used any more."""

Dispatch = Callable[[MessagePump, Message], Awaitable[None]]


class Faults(App[None]):
    """The part of the app that sees its own errors. crash_file: what the last fatal one left.
    lasting: a person sits before it, and once it is up an error in a handler costs what the
    handler would have done, not the terminal; tests stay strict. outliving: that is so now."""

    paths: Paths
    crash_file: Path | None = None
    lasting = outliving = False

    def __init__(self) -> None:
        super().__init__()
        self._outlived: deque[float] = deque(maxlen=MANY)

    @on(Worker.StateChanged)
    def _worker_ended(self, message: Worker.StateChanged) -> None:
        error = message.worker.error
        if message.state is WorkerState.ERROR and isinstance(error, BaseException):
            self._told(error)

    def report(self, error: BaseException) -> None:
        """An error of ours that the screen outlives: to a file, with a line that names it."""
        logger.error("internal error", exc_info=error)
        path = write_crash(self.paths, "ui", error)
        text = f"internal error: {type(error).__name__}"
        if path:
            text += f"\ndetails in {path}; `nanochat-cli doctor --report` packs them up"
        self.notify(text, severity="error", timeout=10.0, markup=False)

    def outlives(self, error: Exception) -> bool:
        """Report an error that need not end the program. False when it has to."""
        if not self.outliving:
            return False
        self._outlived.append(monotonic())
        if len(self._outlived) == MANY and self._outlived[-1] - self._outlived[0] < WITHIN_S:
            self.outliving = False
            return False
        self._told(error)
        return True

    def _told(self, error: BaseException) -> None:
        """Report it, but of a screen that has gone nothing is missed: what looks for its widgets a
        moment later finds none."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self.lasting and isinstance(cause, NoMatches):
            logger.warning("a widget has gone", exc_info=cause)
        else:
            self.report(error)

    def _handle_exception(self, error: Exception) -> None:
        if self.outlives(error):
            return
        logger.error("crash", exc_info=error)
        self.crash_file = write_crash(self.paths, "ui", error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Textual would print a traceback with local variables; it is in the crash file instead.
        self._close_messages_no_wait()


def outlive_faults(app: Faults) -> None:
    """From now on handlers of `app`, its screens and widgets may fail.

    Textual ends the program at the first error in any handler, and leaves the widget deaf whose
    handler it was: a click on what is just being removed is enough (`Screen._forward_event`). It
    has no hook for this, so the method that calls handlers is wrapped.
    """
    dispatch: Dispatch = MessagePump._dispatch_message

    async def dispatch_message(pump: MessagePump, message: Message) -> None:
        try:
            await dispatch(pump, message)
        except Exception as error:
            if not app.outlives(error):
                raise

    MessagePump._dispatch_message = dispatch_message  # type: ignore[assignment,method-assign]
    app.outliving = True
