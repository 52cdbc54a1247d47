"""Starting a zygote with nothing of ours. The UI does this first of all, so that the zygote gets
ready while the host imports what it draws with; so this imports next to nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nanochat_host.packs.room import Room
from nanochat_host.packs.sandbox.level import Level

_BOOT = (
    "import sys; sys.path[:0] = sys.argv[2:]; from nanochat_host.packs.zygote import main; main()"
)
# Isolated, no site (so no .pth file runs), no bytecode written, UTF-8 whatever the locale.
_PYTHON_FLAGS = ("-I", "-S", "-B", "-X", "utf8")


@dataclass(frozen=True)
class Launched:
    """A zygote that has been started and is not heard yet."""

    process: subprocess.Popen[bytes]
    sock: socket.socket

    def end(self) -> None:
        """Nobody wants it after all."""
        self.sock.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


def launch(room: Room, highest: Level = Level.STRICT) -> Launched:
    """Start a zygote and return at once; needs no event loop, so that it can get ready while the
    host imports what it draws with. highest: how far the walls go at most. Raises OSError.

    Call it from the main thread: the kernel's signal at the death of the parent is tied to the
    thread that created the process.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = subprocess.Popen(
                _command(theirs.fileno(), room, highest),
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
    except OSError:
        ours.close()
        raise
    return Launched(process, ours)


def _command(control_fd: int, room: Room, highest: Level) -> list[str]:
    """The interpreter itself, not a virtual environment's link to it, which would bring the
    environment's site-packages along."""
    interpreter = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    packages = {name: _package(name) for name in ("nanochat_host", "nanochat_sdk", "msgspec")}
    wanted = {
        "control_fd": control_fd,
        "host_pid": os.getpid(),
        "highest": highest,
        "readable": room.readable,
        "preload": room.preload,
        "files": room.files,
        "packages": [str(packages["nanochat_sdk"]), str(packages["msgspec"])],
    }
    import_from = dict.fromkeys(str(folder.parent) for folder in packages.values())
    import_from.update(dict.fromkeys(room.import_from))
    return [str(interpreter), *_PYTHON_FLAGS, "-c", _BOOT, json.dumps(wanted), *import_from]


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent
