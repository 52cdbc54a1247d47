"""Where everything of ours lies. One object knows these names; nobody joins paths by hand."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_SOCKET_PATH = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS, with the terminating zero."""


def atomic_write(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """Write to a temporary name beside `path`, fsync, rename. Readers see old or new, never half.

    Raises OSError (for example ENOSPC); the old content stays and the temporary file is removed.
    """
    raw = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            view = memoryview(raw)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # the name that somebody knows
        raise


def expand(text: str | Path) -> Path:
    """With `~` and `~user` resolved. A user there is not leaves it as it is: the path is then
    missing like any other, and named as it was typed."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def open_file(path: Path) -> BinaryIO:
    """Open what a person named, for reading. Raises OSError, also for a pipe or a device: those
    may never answer, and never end."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(fd, "rb")


@dataclass(frozen=True)
class RunPaths:
    """The files of one run (see docs/architecture.md, "A run on disk")."""

    root: Path

    @property
    def run_id(self) -> str:
        return self.root.name

    @property
    def run_json(self) -> Path:
        """What was asked for: written once before the start. `core.wire.RunRecord`."""
        return self.root / "run.json"

    @property
    def state_json(self) -> Path:
        """What became of it: replaced atomically by the shim. `core.wire.RunStatus`."""
        return self.root / "state.json"

    @property
    def out_log(self) -> Path:
        """stdout and stderr of the trainer, appended by the trainer itself."""
        return self.root / "out.log"

    @property
    def events_jsonl(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def control_jsonl(self) -> Path:
        return self.root / "control.jsonl"

    @property
    def shim_lock(self) -> Path:
        """Locked (flock) by the shim for as long as it lives."""
        return self.root / "shim.lock"

    @property
    def shim_log(self) -> Path:
        return self.root / "shim.log"

    @property
    def outside_json(self) -> Path:
        """How far sources outside were read. `core.outside.OutsideRecord`."""
        return self.root / "outside.json"

    @property
    def telemetry(self) -> Path:
        """Columns and pyramid of the store; may be deleted, is then rebuilt from the events."""
        return self.root / "telemetry"


@dataclass(frozen=True)
class Paths:
    """Everything below `$NANOCHAT_CLI_HOME` (default `~/.nanochat-cli`)."""

    home: Path

    @classmethod
    def from_env(cls) -> Paths:
        raw = os.environ.get("NANOCHAT_CLI_HOME") or "~/.nanochat-cli"
        return cls(expand(raw).absolute())

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    def run(self, run_id: str) -> RunPaths:
        return RunPaths(self.runs / run_id)

    @property
    def checkouts_json(self) -> Path:
        return self.home / "checkouts.json"

    @property
    def settings_toml(self) -> Path:
        return self.home / "settings.toml"

    @property
    def keymap_toml(self) -> Path:
        """Keys of the person's own; read by the UI alone."""
        return self.home / "keymap.toml"

    @property
    def secrets_json(self) -> Path:
        """Tokens, 0600; with a keyring only where they lie. Read and written by the core alone."""
        return self.home / "secrets.json"

    @property
    def chats(self) -> Path:
        """Transcripts of chats, one JSON file each."""
        return self.home / "chats"

    @property
    def queue_json(self) -> Path:
        """What is to run next, 0600. `core.queue.QueueFile`."""
        return self.home / "queue.json"

    @property
    def environments(self) -> Path:
        """Python environments we made for checkouts that take none of their own, by name."""
        return self.home / "environments"

    @property
    def prompts_json(self) -> Path:
        """The person's prompt presets."""
        return self.home / "prompts.json"

    @property
    def layouts(self) -> Path:
        return self.home / "layouts"

    @property
    def prefabs(self) -> Path:
        """The person's own prefabs; shipped ones lie beside the program."""
        return self.home / "prefabs"

    @property
    def packs(self) -> Path:
        return self.home / "packs"

    @property
    def packs_json(self) -> Path:
        """Installed packs and what was granted them, 0600. Written by `packs.grants` alone."""
        return self.packs / "packs.json"

    @property
    def pack_store(self) -> Path:
        """Files of installed packs, each in a read-only folder named by the hash of its content."""
        return self.packs / "store"

    def pack_notes(self, pack_id: str) -> Path:
        """What a pack keeps with `store:kv`; goes when the pack goes. Written by the core alone."""
        return self.packs / "kv" / pack_id

    @property
    def logs(self) -> Path:
        """Our own JSON-lines logs: core.jsonl, ui.jsonl, cli.jsonl, rotated."""
        return self.home / "logs"

    @property
    def crashes(self) -> Path:
        return self.home / "crashes"

    @property
    def screenshots(self) -> Path:
        return self.home / "screenshots"

    @property
    def ui_state(self) -> Path:
        """Remembered screens and zooms; never more than convenience."""
        return self.home / "ui"

    @property
    def drafts(self) -> Path:
        """Unsaved edits of layouts, one file for each terminal and layout."""
        return self.ui_state / "drafts"

    @property
    def demo_base(self) -> Path:
        """NANOCHAT_BASE_DIR of the embedded checkout."""
        return self.home / "tiny_nanochat"

    @property
    def core_dir(self) -> Path:
        """0700 folder of the core's socket, lock and pid; elsewhere if the path is too long."""
        here = self.home / "core"
        if len(str(here / "core.sock")) <= MAX_SOCKET_PATH:
            return here
        import hashlib  # ten milliseconds, and few homes are this deep

        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        base = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
        return Path(base) / f"nanochat-cli-{os.getuid()}-{digest}"

    @property
    def core_socket(self) -> Path:
        return self.core_dir / "core.sock"

    @property
    def core_lock(self) -> Path:
        return self.core_dir / "core.lock"

    @property
    def core_log(self) -> Path:
        return self.core_dir / "core.stderr"
