"""SIGTERM means "stop after this step" while the loop runs; SIGHUP is no reason to end."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any


class StopSignal:
    """SIGTERM sets `received` between `catch` and `release`; outside it ends the process as ever.

    Processes the trainer forks meanwhile (data loaders) die of SIGTERM as before.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: Any = signal.SIG_DFL
        self._catching = False
        self._mask: set[int] | None = None
        # A signal that reaches the child before it has let go would be lost, so it has to wait.
        os.register_at_fork(
            before=self._hold, after_in_parent=self._let_in, after_in_child=self._in_child
        )

    def catch(self) -> None:
        # Not the main thread: signals stay as they are.
        with contextlib.suppress(ValueError):
            self._before = signal.signal(signal.SIGTERM, self._on_signal)
            self._catching = True

    def release(self) -> None:
        if self._catching:
            self._catching = False
            with contextlib.suppress(ValueError, TypeError):
                signal.signal(signal.SIGTERM, self._before)

    def _on_signal(self, number: int, frame: object) -> None:
        self.received = True

    def _hold(self) -> None:
        if self._catching:
            self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}))

    def _let_in(self) -> None:
        if self._mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            self._mask = None

    def _in_child(self) -> None:
        self.release()
        self._let_in()


def ignore_hangup() -> None:
    """The terminal may close; the run goes on."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
