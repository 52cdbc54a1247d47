"""The host's handle on one worker process: its channel, its log, its life."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress

from nanochat_host.packs.channel import Channel
from nanochat_host.packs.failure import Failure, failure_of_exit
from nanochat_host.packs.log_tail import LogTail

_EXIT_GRACE_S = 0.25
"""How long a worker that closed its channel may take to exit before it is killed."""
_CODE_GRACE_S = 5.0
"""How long the zygote may take to tell how a dead worker ended: on a machine that runs out of
memory, it may be the next to go, and the host hears of that first."""


class Worker:
    """Lives from the request to fork until `end`. on_failure is called at most once, and never
    after `end`. `pid` is None until the zygote has forked."""

    def __init__(
        self,
        host_fds: tuple[int, int, int],
        on_message: Callable[[bytes], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        """host_fds: read end, write end, read end of the log. Takes ownership of them."""
        read_fd, write_fd, log_fd = host_fds
        self._on_failure = on_failure
        self.channel = Channel(read_fd, write_fd, on_message, self._fail, self._on_end_of_channel)
        self.log = LogTail(log_fd)
        self.pid: int | None = None
        self._pidfd: int | None = None
        self._ended = False
        self._exited = False
        self._grace: asyncio.TimerHandle | None = None
        self.channel.expect()

    def on_spawned(self, pid: int, pidfd: int | None) -> None:
        """The zygote has forked it. Takes ownership of the pidfd."""
        self.pid, self._pidfd = pid, pidfd
        if self._ended:
            self._kill()

    def on_exited(self, code: int) -> None:
        """The zygote has reaped it. code: exit code, or minus the signal's number."""
        self._exited = True
        self._close_pidfd()
        self.channel.read_rest()  # of its last word and its exit, the exit may be heard first
        self._fail(failure_of_exit(code))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process; nothing if it is gone. Without pidfds (macOS) the pid
        is ours until the zygote reports the exit."""
        with suppress(ProcessLookupError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            elif self.pid is not None and not self._exited and not hasattr(os, "pidfd_open"):
                os.kill(self.pid, number)

    def end(self) -> None:
        """Kill it and let go of everything but the log's text. Idempotent."""
        if self._ended:
            return
        self._ended = True
        if self._grace is not None:
            self._grace.cancel()
        self._kill()
        self.channel.close()
        self.log.close()

    def fail(self, failure: Failure) -> None:
        """Something else found it at fault."""
        self._fail(failure)

    def _kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._close_pidfd()

    def _close_pidfd(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _on_end_of_channel(self) -> None:
        """Usually an exit whose code is about to arrive, and says more."""
        loop = asyncio.get_running_loop()
        self._grace = loop.call_later(_EXIT_GRACE_S, self._out_of_grace)

    def _out_of_grace(self) -> None:
        if self._is_dead():
            untold = Failure("ended, and nothing told how")
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(_CODE_GRACE_S, self._fail, untold)
        else:
            self._fail(Failure("closed its pipe to the host", violation=True))

    def _is_dead(self) -> bool:
        """Whether the kernel says so; no without a pidfd."""
        if self._pidfd is None:
            return False
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def _fail(self, failure: Failure) -> None:
        if not self._ended:
            self.end()
            self._on_failure(failure)
