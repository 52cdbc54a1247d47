"""The stage of a case: secrets, a terminal, listeners, a bystander, and a look at them afterwards.

Everything is judged from out here. What a case says about itself is one more witness, no more.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import hashlib
import os
import pty
import secrets
import select
import shutil
import signal
import socket
import stat
import tempfile
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

from bystander import Bystander
from outside import Outside

NEEDLE = "sk-sbx-"
_MAX_GROWTH_BYTES = 32 << 20
_PROTECTED = ("home", "run", "site", "other", "packs", "marker")
_IPC_CREAT, _IPC_RMID = 0o1000, 0


class Arena:
    """One for all cases of a run; `problems` puts right what a case has broken."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="escape-"))
        self.root.chmod(0o755)
        self.token = NEEDLE + secrets.token_hex(16)
        for name in ("packs", "marker"):
            (self.root / name).mkdir()
        self._build()
        self._listeners: dict[str, socket.socket] = {}
        self.ctx_fixed = self._listen()
        self.master, self.slave = pty.openpty()
        os.set_blocking(self.master, False)
        settings = termios.tcgetattr(self.slave)
        settings[1] &= ~termios.OPOST
        settings[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(self.slave, termios.TCSANOW, settings)
        self._shared_memory()
        # A careless host: its secrets lie in its environment and in a descriptor left inheritable.
        self.leaked_fd = os.open(self.secret, os.O_RDONLY)
        os.set_inheritable(self.leaked_fd, True)
        os.environ |= {
            "WANDB_API_KEY": self.token,
            "HF_TOKEN": self.token,
            "SSH_AUTH_SOCK": str(self.root / "agent.sock"),
        }
        self.bystander = Bystander(self.root / "run" / "ckpt.pt", self.token)
        self.outside = Outside(self.root, self.secret)
        self.before = self.snapshot()
        self._processes = self.processes()
        self._memory = _resident()

    @property
    def secret(self) -> Path:
        """The file with the token."""
        return self.root / "home/.config/app/token"

    def ctx(
        self, case_id: str, pack: Path | None, sibling: int, deadline_s: float
    ) -> dict[str, Any]:
        """What the contract hands to a case."""
        return {
            **self.ctx_fixed,
            **self.outside.ctx,
            "case": case_id,
            "secret_file": str(self.secret),
            "ssh_key": str(self.root / "home/.ssh/id_ed25519"),
            "home": str(self.root / "home"),
            "checkpoint": str(self.root / "run/ckpt.pt"),
            "run_dir": str(self.root / "run"),
            "pack_dir": str(pack) if pack else "",
            "other_pack": str(self.root / "other"),
            "site_dir": str(self.root / "site"),
            "marker": str(self.root / "marker" / case_id),
            "victim_pid": self.bystander.pid,
            "victim_addr": self.bystander.address,
            "victim_len": len(self.token),
            "runner_pid": os.getpid(),
            "sibling_pid": sibling,
            "pts": os.ttyname(self.slave),
            "needle": NEEDLE,
            "max_mem": 3 << 30,
            "max_frame": 256 * 1024,
            "deadline": deadline_s,
        }

    def settle(self) -> None:
        """The stage is set for a case: what is there now is how it must be afterwards."""
        self.before = self.snapshot()
        self._processes = self.processes()
        self._memory = _resident()

    def problems(self, received: bytes) -> list[str]:
        """What a case has done to the outside. received: every byte that came from its worker."""
        found = ["the secret left the worker"] if self.token.encode() in received else []
        markers = list((self.root / "marker").iterdir())
        if markers:
            found.append("a marker was made")
            for path in markers:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        now = self.snapshot()
        changed = {path for path in now | self.before if now.get(path) != self.before.get(path)}
        if changed - {f"marker/{path.name}" for path in markers}:
            found.append(f"files were changed: {', '.join(sorted(changed)[:3])}")
            self._build()
        if harm := self.bystander.harm():
            found.append(harm)
            self.bystander.replace()
        found += self._touched() + self._heard() + self.outside.problems()
        if left := self.processes() - self._processes - {self.bystander.pid}:
            found.append(f"{len(left)} processes were left")
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if (growth := _resident() - self._memory) > _MAX_GROWTH_BYTES:
            found.append(f"the host grew by {growth >> 20} MiB")
        return found

    def snapshot(self) -> dict[str, tuple[Any, ...]]:
        """Of every protected path what must not change."""
        seen: dict[str, tuple[Any, ...]] = {}
        for top in _PROTECTED:
            for path in (self.root / top).rglob("*"):
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode):
                    content = hashlib.sha256(path.read_bytes()).hexdigest()
                    times: tuple[int, ...] = (facts.st_nlink, facts.st_mtime_ns)
                else:
                    content = str(path.readlink()) if path.is_symlink() else ""
                    times = ()
                owner = (facts.st_mode, facts.st_uid, facts.st_gid)
                attributes = tuple(sorted(os.listxattr(path, follow_symlinks=False)))
                name = str(path.relative_to(self.root))
                seen[name] = (*owner, *times, content, attributes)
        return seen

    def processes(self) -> set[int]:
        """Running processes that carry the stage's name in their command line."""
        mark = str(self.root).encode()
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    if state != "Z" and mark in (entry / "cmdline").read_bytes():
                        found.add(int(entry.name))
        return found

    def close(self) -> None:
        self.bystander.end()
        self.outside.close()
        self._libc.shmctl(self._shm_id, _IPC_RMID, None)
        for listener in self._listeners.values():
            listener.close()
        for fd in (self.master, self.slave, self.leaked_fd):
            os.close(fd)
        shutil.rmtree(self.root, ignore_errors=True)

    def _build(self) -> None:
        for name in ("home", "run", "site", "other"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        files = {
            "home/.config/app/token": self.token,
            "home/.ssh/id_ed25519": f"-----BEGIN KEY {self.token}",
            "home/.ssh/config": "Host x",
            "home/.netrc": f"machine api.wandb.ai password {self.token}",
            "home/.cache/huggingface/token": self.token,
            "home/.aws/credentials": self.token,
            "home/.bashrc": "# rc\n",
            "run/ckpt.pt": "CKPT" + self.token * 50,
            "site/keep.py": "x = 1\n",
            "other/panel.py": f"SECRET = {self.token!r}",
        }
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.root / "run/empty").mkdir()
        self.secret.chmod(0o600)

    def _listen(self) -> dict[str, Any]:
        """Doors that nobody may knock at."""
        path, name = str(self.root / "agent.sock"), "escape-" + secrets.token_hex(6)
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        for label, family, kind, address in (
            ("tcp", socket.AF_INET, stream, ("127.0.0.1", 0)),
            ("tcp6", socket.AF_INET6, stream, ("::1", 0)),
            ("udp", socket.AF_INET, datagram, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, stream, path),
            ("abstract", socket.AF_UNIX, stream, "\0" + name),
        ):
            listener = socket.socket(family, kind)
            listener.bind(address)  # type: ignore[arg-type]
            if kind == stream:
                listener.listen(16)
            listener.setblocking(False)
            self._listeners[label] = listener
        Path(path).chmod(0o777)
        ports = {f"{n}_port": self._listeners[n].getsockname()[1] for n in ("tcp", "tcp6", "udp")}
        return {**ports, "unix_path": path, "abstract": name}

    def _touched(self) -> list[str]:
        hit = []
        for label, listener in self._listeners.items():
            with suppress(BlockingIOError):
                while True:
                    listener.recv(100) if label == "udp" else listener.accept()[0].close()
                    hit.append(f"{label} was reached")
        return hit

    def _heard(self) -> list[str]:
        """What the terminal got, in either direction."""
        hit = []
        if select.select([self.master], [], [], 0)[0] and os.read(self.master, 65536):
            hit.append("the terminal was written to")
        waiting = array.array("i", [0])
        fcntl.ioctl(self.slave, termios.FIONREAD, waiting)
        if waiting[0]:
            hit.append("the terminal was typed into")
            termios.tcflush(self.slave, termios.TCIOFLUSH)
        return hit

    def _shared_memory(self) -> None:
        """A segment of System V memory with the token in it."""
        self._libc = libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_void_p
        key = 0x5B000000 | secrets.randbits(20)
        self._shm_id = libc.shmget(key, 4096, _IPC_CREAT | 0o600)
        address = libc.shmat(self._shm_id, None, 0)
        ctypes.memmove(address, self.token.encode() + b"\0", len(self.token) + 1)
        self.ctx_fixed["shm_key"] = key


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
