"""The control: the same case at the other end of two pipes of a careless host, with no wall at all.

What cannot fail here proves nothing there.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
import types
from pathlib import Path
from typing import Any

import msgspec
from arena import Arena
from contract import Case
from guarded import DEADLINE_S, GOOD, Verdict, make_pack, write_setup
from nanochat_sdk.asks import Answer
from nanochat_sdk.codec import frame_message
from nanochat_sdk.protocol import MAX_DATA_FRAME, Frame
from terminal import HEIGHT, WIDTH, harm_unfiltered

_PATIENCE_S = 25.0


class Bare:
    """Runs cases without walls. Only for cases of kind attempt, payload, env and ask."""

    def __init__(self, arena: Arena, folder: Path) -> None:
        self._arena, self._folder = arena, folder

    async def run(self, case: Case) -> Verdict:
        """As `Guarded.run`: problems are what got through."""
        arena = self._arena
        environment, cwd = {}, None
        code = (self._folder / case.file).read_text()
        if case.kind == "env":
            module = types.ModuleType("case")
            exec(code, module.__dict__)
            place = arena.root / "env"
            place.mkdir()
            environment = module.setup(str(place), arena.ctx(case.id, None, 0, DEADLINE_S))
            cwd, code = environment.pop("__cwd__", None), GOOD
        kind = "benign" if case.kind == "env" else case.kind
        pack = make_pack(arena, case, code)
        write_setup(pack, kind, arena.ctx(case.id, pack, 0, DEADLINE_S))
        arena.settle()
        arena.outside.turn_link()
        end = _CarelessHost(arena, pack, environment, cwd)
        try:
            detail, problems = end.ask(case)
        finally:
            end.close()
        problems += arena.problems(bytes(end.received))
        shutil.rmtree(pack, ignore_errors=True)
        shutil.rmtree(arena.root / "env", ignore_errors=True)
        return Verdict(detail, problems)


class _CarelessHost:
    """A worker that inherits everything: environment, descriptors, terminal."""

    def __init__(
        self, arena: Arena, pack: Path, environment: dict[str, str], cwd: str | None
    ) -> None:
        self.received = bytearray()
        self._outside = arena.outside
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def share() -> None:
            os.dup2(fcntl.fcntl(to_read, fcntl.F_DUPFD, 100), 3)
            os.dup2(fcntl.fcntl(to_write, fcntl.F_DUPFD, 100), 4)
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 1)

        self._process = subprocess.Popen(
            [sys.executable, str(pack / "adapter.py")],
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=cwd,
            close_fds=False,
            stdin=arena.slave,
            stdout=arena.slave,
            stderr=arena.slave,
            preexec_fn=share,
        )
        for fd in (to_read, to_write):
            os.close(fd)

    def ask(self, case: Case) -> tuple[str, list[str]]:
        """All frames of the case, believing everything."""
        answer: Any = None
        answers: dict[int, Answer] = {}
        try:
            self._message()
            for seq in range(1, case.frames + 1):
                request = Frame(seq=seq, width=WIDTH, height=HEIGHT, answers=answers)
                os.write(self._write, frame_message(request, MAX_DATA_FRAME))
                answer = self._message()
                answers = {
                    asked["number"]: self._outside.careless(asked["ask"])
                    for asked in answer.get("asks", ())
                }
        except (EOFError, TimeoutError, BrokenPipeError) as error:
            time.sleep(0.5)  # another program may have taken its place, and has its chance now
            return f"{type(error).__name__}", []
        body = answer.get("payload") or answer.get("message")
        if case.kind == "payload":
            return "unfiltered", harm_unfiltered(body)
        said = str(body)
        return said[:200], ["it said so"] if "ESCAPED" in said else []

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def _message(self) -> Any:
        (size,) = struct.unpack(">I", self._exactly(4))
        return msgspec.msgpack.decode(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        start = len(self.received)
        deadline = time.monotonic() + _PATIENCE_S
        while len(self.received) - start < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError
            if not (chunk := os.read(self._read, size - (len(self.received) - start))):
                raise EOFError
            self.received += chunk
        return bytes(self.received[start:])
