"""The host's handle on the zygote that was launched: asks it for workers, hears of their end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from nanochat_sdk.errors import WireError

from nanochat_host.packs.control import ControlSocket, Exited, Ready, Spawn, Spawned
from nanochat_host.packs.failure import Failure, failure_of_exit
from nanochat_host.packs.launch import Launched
from nanochat_host.packs.log_tail import LogTail
from nanochat_host.packs.worker import Worker


class Zygote:
    """One running zygote. on_lost is called once, with the reason, if it ends before `close`."""

    def __init__(self, on_lost: Callable[[Failure], None], launched: Launched) -> None:
        """Returns at once; workers may be asked for before `ready`."""
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[int] = self._loop.create_future()
        self._workers: dict[int, Worker] = {}
        self._next_id = 1
        self._open = True
        self._process, ours = launched.process, launched.sock
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            self._log = LogTail(os.dup(stderr.fileno()))
        ours.setblocking(False)
        self._control = ControlSocket(ours)
        self._loop.add_reader(ours, self._on_readable)

    @property
    def pid(self) -> int:
        """Process id of what forks the workers; until `ready`, of what was started."""
        if self.ready.done() and not self.ready.cancelled():
            return self.ready.result()
        return self._process.pid

    def log_line(self) -> str:
        """The last thing it printed, for example why it could not start."""
        return self._log.text().strip().rpartition("\n")[2]

    def spawn(
        self, on_message: Callable[[bytes], None], on_failure: Callable[[Failure], None]
    ) -> Worker:
        """Ask for a worker; its hello follows. Raises OSError when descriptors run out or the
        zygote does not read."""
        to_worker = os.pipe()
        try:
            from_worker = os.pipe()
            try:
                log = os.pipe()
            except OSError:
                _close(*from_worker)
                raise
        except OSError:
            _close(*to_worker)
            raise
        worker_id = self._next_id
        self._next_id += 1
        theirs = (to_worker[0], from_worker[1], log[1])
        try:
            self._control.send(Spawn(worker_id), theirs)
        except OSError:
            _close(from_worker[0], to_worker[1], log[0])
            raise
        finally:
            _close(*theirs)
        worker = Worker((from_worker[0], to_worker[1], log[0]), on_message, on_failure)
        self._workers[worker_id] = worker
        return worker

    def kill(self) -> None:
        """End a zygote that does not answer; `on_lost` follows."""
        self._process.kill()

    async def close(self, timeout_s: float = 2.0) -> None:
        """End it and all its workers. Returns when it is reaped."""
        if self._open:
            self._let_go()
        deadline = self._loop.time() + timeout_s
        while self._process.poll() is None:
            if self._loop.time() > deadline:
                self._process.kill()
            await asyncio.sleep(0.002)

    def _let_go(self) -> None:
        self._open = False
        self._loop.remove_reader(self._control.sock)
        self._control.close()
        self._log.close()
        self.ready.cancel()
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()

    def _on_readable(self) -> None:
        try:
            messages = self._control.receive()
        except BlockingIOError:
            return
        except (OSError, WireError):
            messages = None
        if messages is None:
            self._lost()
            return
        for message, fds in messages:
            if isinstance(message, Ready) and not self.ready.done():
                self.ready.set_result(message.pid)
            elif isinstance(message, Spawned):
                self._on_spawned(message, fds[0] if fds else None)
            elif isinstance(message, Exited) and (worker := self._workers.pop(message.id, None)):
                worker.on_exited(message.code)

    def _on_spawned(self, message: Spawned, pidfd: int | None) -> None:
        """In a namespace of its own the zygote does not know what the host calls its workers."""
        pid = message.pid if pidfd is None else _pid_of(pidfd)
        self._workers[message.id].on_spawned(pid or message.pid, pidfd)

    def _lost(self) -> None:
        """A zygote that never got ready would not get ready the next time either, so that counts
        against the panels' retries; one that was killed does not."""
        self._process.kill()
        how = failure_of_exit(self._process.wait()).reason
        was_ready = self.ready.done()
        self._let_go()
        detail = f" ({line})" if (line := self.log_line()) else ""
        what = f"the zygote, which all panels are forked from, ended: {how}{detail}"
        self._on_lost(Failure(what, blameless=was_ready))


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _pid_of(pidfd: int) -> int | None:
    """The process as this process sees it; None once it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            pid = int(line.split()[1])
            return pid if pid > 0 else None
    return None
