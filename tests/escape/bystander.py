"""A process of the same person that a case must not be able to touch: it holds the token in its
memory and its environment, and has the checkpoint open."""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import ctypes, os, sys
key = os.environ["WANDB_API_KEY"].encode()
held = ctypes.create_string_buffer(key, len(key) + 1)
checkpoint = open(sys.argv[1])
print(ctypes.addressof(held), flush=True)
for line in sys.stdin:
    print(held.value == key, flush=True)
"""
_PATIENCE_S = 20.0


class Bystander:
    """`address`: where in its memory the token lies."""

    def __init__(self, checkpoint: Path, token: str) -> None:
        self._checkpoint, self._token = checkpoint, token
        self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def harm(self) -> str:
        """What was done to it, "" when nothing."""
        if self._process.poll() is not None:
            return "the bystander was ended"
        try:
            if self._standing() != self._at_first:
                return "the bystander's limits or priorities were changed"
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(b"?\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], _PATIENCE_S)[0]:
                return "the bystander was stopped"
            if self._process.stdout.readline() != b"True\n":
                return "the bystander's memory was changed"
        except OSError as error:
            return f"the bystander is broken: {error}"
        return ""

    def replace(self) -> None:
        self.end()
        self._start()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(self._checkpoint)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={"WANDB_API_KEY": self._token, "HF_TOKEN": self._token},
        )
        assert self._process.stdout is not None
        self.address = int(self._process.stdout.readline())
        self._at_first = self._standing()

    def _standing(self) -> tuple[object, ...]:
        pid = self._process.pid
        return (
            sorted(os.sched_getaffinity(pid)),
            os.getpriority(os.PRIO_PROCESS, pid),
            os.sched_getscheduler(pid),
            resource.prlimit(pid, resource.RLIMIT_NOFILE),
            Path(f"/proc/{pid}/oom_score_adj").read_text(),
        )
