"""`python -m nanochat_host.core.server`: the core as a background process.

The lock is taken and the socket bound before anything heavy is imported: clients that come early
wait in the socket's queue instead of trying again.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
import stat
import sys
from pathlib import Path

from nanochat_host.core.secrets import handover
from nanochat_host.core.start import LOST_THE_RACE, prepare_core_dir
from nanochat_host.errors import CoreUnavailableError, NanochatCliError
from nanochat_host.guard import hide_memory
from nanochat_host.paths import Paths

BACKLOG = 64


class AlreadyServedError(CoreUnavailableError):
    """Another core serves this home."""


def take_lock(paths: Paths) -> int:
    """The lock that makes this the home's only core. Raises AlreadyServedError or OSError."""
    fd = os.open(paths.core_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        os.close(fd)
        raise AlreadyServedError(
            f"another core (pid {pid or 'unknown'}) serves {paths.home} already"
        ) from None
    with contextlib.suppress(OSError):  # on a full disk the lock holds without a name
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def bind(paths: Paths) -> socket.socket:
    """The listening socket. Only the holder of the lock may call this: what lies at the path then
    is stale, or not ours. Raises CoreUnavailableError."""
    path = paths.core_socket
    _remove_stale(str(path))
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o077)  # for the socket only: trainers inherit it, and their files are theirs
    try:
        door.bind(str(path))
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise CoreUnavailableError(f"cannot listen at {path}: {error.strerror}") from None
    finally:
        os.umask(umask)
    door.setblocking(False)
    return door


def _remove_stale(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CoreUnavailableError(f"{path} is not a socket", "move it away, then try again")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
            return
        except OSError as error:
            raise CoreUnavailableError(f"{path} is in use: {error}") from None
    raise CoreUnavailableError(f"{path} is in use by another program", "end it, then try again")


async def serve(paths: Paths, door: socket.socket) -> None:
    """Take up the runs and serve until told to stop."""
    import asyncio

    gc.disable()  # what importing makes stays: collecting finds nothing
    from nanochat_host.core.http_server import serve_until_told
    from nanochat_host.core.launcher import Launcher, step_back
    from nanochat_host.core.service import Core
    from nanochat_host.core.telemetry.hub import TelemetryHub

    gc.freeze()
    gc.enable()
    launcher = Launcher()
    step_back()
    core = Core(paths, TelemetryHub(paths), launcher)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, core.shut_down)
    await core.start()
    try:
        await serve_until_told(core, door)
    finally:
        await core.close()


def main() -> int:
    """Exit codes: 0 told to stop, 1 failed, LOST_THE_RACE: there is another core."""
    hide_memory()
    handover.take()
    paths = Paths.from_env()
    try:
        prepare_core_dir(paths)
        lock = take_lock(paths)
    except AlreadyServedError as error:
        print(f"nanochat-cli: {error}", file=sys.stderr)
        return LOST_THE_RACE
    except (NanochatCliError, OSError) as error:
        print(f"nanochat-cli: {error}", file=sys.stderr)
        return 1
    try:
        door = bind(paths)
    except NanochatCliError as error:
        print(f"nanochat-cli: {error}", file=sys.stderr)
        return 1
    return _run(paths, door, lock)


def _run(paths: Paths, door: socket.socket, lock: int) -> int:
    import asyncio

    from nanochat_host.crash import write_crash
    from nanochat_host.logs import setup_logging

    logger = setup_logging(paths, "core")
    logger.info("core starts", extra={"home": str(paths.home)})
    try:
        asyncio.run(serve(paths, door))
    except Exception as error:
        write_crash(paths, "core", error)
        logger.exception("core failed")
        print(f"nanochat-cli: the core failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        with contextlib.suppress(OSError):
            paths.core_socket.unlink()
        os.close(lock)
    logger.info("core stopped")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(main())
