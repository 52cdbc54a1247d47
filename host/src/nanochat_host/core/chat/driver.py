"""A driver process: one checkpoint in memory, one answer at a time (see `checkout/chat/driver.py`).

It reads its requests from a pipe of ours and leaves when that closes, also when the core is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, NamedTuple

from nanochat_host.core.children import let_go, started
from nanochat_host.core.inside import (
    InsideError,
    inside_command,
    inside_env,
    install_torch_hint,
    last_words,
    require_checkout,
)
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.core.wire_chat import DriverInfo
from nanochat_host.core.wire_checkpoints import CheckpointInfo
from nanochat_host.errors import NanochatCliError

logger = logging.getLogger(__name__)
LOAD_S = 900.0
"""Longest wait for a model: tens of gigabytes from a slow disk."""
TOKEN_S = 300.0
STOP_S = 20.0
LEAVE_S = 2.0
MAX_LINE = 4 * 2**20
_WEIGHTS = ("state_dict", "size mismatch", "Missing key", "Unexpected key", "unexpected keyword")


class DriverKey(NamedTuple):
    """stamp: of the model's file, so that one saved anew is loaded anew."""

    checkout: str
    path: str
    python: str
    checkpoint: str
    stamp: int
    device: str


class Driver:
    """Starts its process when first asked to speak, or `warm`."""

    def __init__(self, key: DriverKey, ref: CheckoutRef, info: CheckpointInfo, log: Path) -> None:
        self.key = key
        self.used_at = time.monotonic()
        self.facts: dict[str, Any] = {}
        self._ref, self._info, self._log = ref, info, log
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._speaking = ""
        self._trouble: NanochatCliError | None = None

    @property
    def busy(self) -> bool:
        return self._turn.locked()

    @property
    def dead(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    def info(self) -> DriverInfo:
        return DriverInfo(
            checkpoint=self._info.id,
            checkout=self._ref.name,
            state="speaking" if self._speaking else "warm" if self.facts else "starting",
            pid=self._process.pid if self._process else 0,
            device=str(self.facts.get("device", "")),
            params=int(self.facts.get("params", 0)),
            load_s=float(self.facts.get("load_s", 0.0)),
            idle_s=0.0 if self.busy else time.monotonic() - self.used_at,
        )

    async def warm(self) -> None:
        """Have the model in memory. Raises RefusedError or InsideError."""
        async with self._turn:
            await self._load()

    async def say(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The driver's events for a "say" request, until "end". Left early, the model is told to
        stop. Raises InsideError."""
        async with self._turn:
            await self._load()
            self._speaking = str(request["id"])
            ended = False
            try:
                await self._send({"op": "say", **request})
                while not ended:
                    event = await self._event(TOKEN_S)
                    ended = event["event"] in {"end", "error"}
                    if event["event"] == "error":
                        raise self._failure(event)
                    yield event
            finally:
                self.used_at = time.monotonic()
                try:
                    if not ended and not self.dead:
                        await self._fall_silent()
                finally:
                    self._speaking = ""

    async def stop(self) -> None:
        """End the answer under way, after its next token."""
        if self._speaking:
            await self._send({"op": "stop", "id": self._speaking})

    async def close(self) -> None:
        """Let the process go: close its stdin, then SIGTERM, then SIGKILL."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            for sign in (None, signal.SIGTERM):
                with contextlib.suppress(ProcessLookupError):
                    if sign is not None:
                        process.send_signal(sign)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), LEAVE_S)
                    return
        finally:
            await let_go(process)

    async def _load(self) -> None:
        if self._process is not None:
            if self.dead:
                raise self._trouble or InsideError(f"{self._info.id} is gone", "say it again")
            return
        require_checkout(self._ref)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = await started(
                asyncio.create_subprocess_exec(
                    *inside_command(self._ref, "chat.driver"),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    cwd=self._ref.path,
                    env=inside_env(self._ref, all_threads=True),
                    limit=MAX_LINE,
                    start_new_session=True,
                )
            )
        info = self._info
        load = {"op": "load", "folder": info.folder, "stage": info.stage, "tag": info.tag}
        try:
            await self._send({**load, "step": info.step, "device": self.key.device})
            event = await self._event(LOAD_S)
            if event["event"] != "ready":
                raise self._failure(event)
        except BaseException as error:
            self._trouble = error if isinstance(error, NanochatCliError) else None
            await self.close()
            raise
        self.facts = event
        self.used_at = time.monotonic()
        logger.info("%s is warm after %.1f s", info.id, event.get("load_s", 0.0))

    async def _send(self, request: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(ConnectionError):  # what it said last is read instead
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()

    async def _event(self, wait_s: float) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        try:
            async with asyncio.timeout(wait_s):  # `wait_for` may swallow a cancellation
                line = await self._process.stdout.readline()
        except (TimeoutError, ValueError):
            await self.close()
            raise InsideError(f"{self._info.id} said nothing for {wait_s:.0f} s") from None
        if not line:
            await self.close()
            raise self._failure({"message": ""})
        event: dict[str, Any] = json.loads(line)
        return event

    async def _fall_silent(self) -> None:
        """Told to stop, it ends with "end"; one that does not is closed."""
        await self.stop()
        with contextlib.suppress(InsideError):
            while (await self._event(STOP_S))["event"] not in {"end", "error"}:
                pass

    def _failure(self, event: dict[str, Any]) -> InsideError:
        """One line and the way out."""
        said = str(event.get("message") or "") or self._last_words()
        what = f"{self._info.id}: {said.removeprefix('error: ')}"
        missing = str(event.get("missing") or "")
        if missing == "torch":
            return InsideError(f"torch is missing in {self._ref.python}", self._torch_hint())
        if missing:
            hint = f"install it: {self._ref.python} -m pip install {missing}"
            return InsideError(f"{missing} is missing in {self._ref.python}", hint)
        if any(word in said for word in _WEIGHTS):
            hint = f"it is of another architecture: `checkpoint check {self._info.id}` says where"
            return InsideError(what, hint)
        return InsideError(what, f"the driver's own log is {self._log}")

    def _torch_hint(self) -> str:
        return install_torch_hint(self._ref)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return last_words(self._log.read_text("utf-8", "replace"))
        return "it ended without a word"
