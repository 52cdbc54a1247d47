"""The zygote's work: fork a worker when asked, tell of its end.

It must stay single-threaded and light: whatever it imports, every worker carries.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import traceback
from types import ModuleType
from typing import NoReturn, TextIO

from nanochat_sdk.serve import CHANNEL_IN, CHANNEL_OUT, EXIT_BROKEN, EXIT_OUT_OF_MEMORY, serve

from nanochat_host.packs.control import ControlSocket, Exited, Ready, Spawn, Spawned
from nanochat_host.packs.sandbox.prepare import Prepared
from nanochat_host.packs.sandbox.steps import Setup, build_walls


def run(control_fd: int, prepared: Prepared) -> None:
    """Serve until the host is gone."""
    # Made once for all workers: in each of them descriptor 1 is its own log.
    sys.stdout = sys.stderr = _print_to(1)
    hidden = _hide_ours()
    gc.collect()
    gc.freeze()
    # A worker's garbage is small and short-lived; fewer passes touch fewer shared pages.
    gc.set_threshold(20_000, 20, 20)
    server = _ForkServer(ControlSocket(socket.socket(fileno=control_fd)), prepared)
    try:
        server.run()
    except ConnectionError:
        pass  # the host went while something was being told to it
    finally:
        server.end_workers()
        del hidden


class _ForkServer:
    def __init__(self, control: ControlSocket, prepared: Prepared) -> None:
        self._control, self._prepared = control, prepared
        self._ids: dict[int, int] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def run(self) -> None:
        """Fork on request and report exits until the host is gone."""
        self._control.send(Ready(self._prepared.zygote_pid))
        poll = select.poll()
        poll.register(self._control.sock, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for fd, _events in poll.poll():
                if fd == self._wake_read:
                    os.read(fd, 4096)
                    self._report_exits()
                elif (messages := self._control.receive()) is None:
                    return
                else:
                    for message, fds in messages:
                        if isinstance(message, Spawn):
                            self._spawn(message.id, fds)

    def _spawn(self, worker_id: int, fds: tuple[int, ...]) -> None:
        zygote_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            # One panel fails, with its reason in its log; the others keep their parent.
            os.write(fds[2], f"fork: {error}\n".encode())
            for fd in fds:
                os.close(fd)
            self._control.send(Exited(worker_id, EXIT_BROKEN))
            return
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _work(Setup(fds[0], fds[1], fds[2], zygote_pid, self._prepared))
        for fd in fds:
            os.close(fd)
        self._ids[pid] = worker_id
        if hasattr(os, "pidfd_open"):
            # Before any wait: until then the pid cannot have been given to someone else.
            pidfd = os.pidfd_open(pid)
            self._control.send(Spawned(worker_id, pid, 1), (pidfd,))
            os.close(pidfd)
        else:
            self._control.send(Spawned(worker_id, pid))

    def end_workers(self) -> None:
        """The kernel would kill them with us; waiting for them leaves no zombie behind."""
        for pid in self._ids:
            os.kill(pid, signal.SIGKILL)
        for pid in self._ids:
            os.waitpid(pid, 0)

    def _report_exits(self) -> None:
        while self._ids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._ids:
                code = os.waitstatus_to_exitcode(status)
                self._control.send(Exited(self._ids.pop(pid), code))


def _hide_ours() -> list[ModuleType]:
    """Take the host's modules out of the panels' sight. Once for all workers: to look through all
    names in each of them would copy a megabyte of shared pages. Keep what it returns: freeing them
    would empty the modules that are still running."""
    return [sys.modules.pop(name) for name in list(sys.modules) if name.startswith("nanochat_host")]


def _work(setup: Setup) -> NoReturn:
    """The rest of a worker's life. Never returns into the zygote's loop, whatever happens."""
    code = EXIT_BROKEN
    try:
        serve(CHANNEL_IN, CHANNEL_OUT, build_walls(setup))
        code = 0
    except MemoryError:
        code = EXIT_OUT_OF_MEMORY
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code & 0xFF)


def _print_to(fd: int) -> TextIO:
    """Lines as they are printed; text that is not UTF-8 must not raise in the panel."""
    return open(fd, "w", buffering=1, errors="backslashreplace", closefd=False)
