"""One worker's conversation, from fork to end: hello, load, then frames, each with its deadline.

Knows the protocol and the clock; knows nothing of retries or of what is on the screen.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

import msgspec
from msgspec.structs import replace
from nanochat_sdk.codec import decode_from_worker, encode_data_frame, frame_message
from nanochat_sdk.errors import WireError
from nanochat_sdk.protocol import (
    API_SUPPORTED,
    MAX_DATA_FRAME,
    WIRE,
    Failed,
    Frame,
    FromWorker,
    Hello,
    Load,
    Loaded,
    Reply,
)

from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.failure import Failure
from nanochat_host.packs.room import Room
from nanochat_host.packs.sandbox.level import Level, level_of
from nanochat_host.packs.sanitize import clean, clean_lines
from nanochat_host.packs.worker import Worker


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds. slow_s: when a frame counts as slow. frame_s: when its worker is killed. start_s:
    from fork to hello. load_s: to import the pack and build the panel."""

    slow_s: float = 0.25
    frame_s: float = 2.0
    start_s: float = 5.0
    load_s: float = 10.0


class Spawner(Protocol):
    """What a session asks of the supervisor."""

    def spawn(
        self,
        on_message: Callable[[bytes], None],
        on_failure: Callable[[Failure], None],
        room: Room,
    ) -> Worker:
        """A new worker, hello to follow. Raises OSError."""

    def unresponsive(self, room: Room) -> None:
        """A worker did not come to life in time: the zygote may be stuck."""

    async def objection(self, entry: PanelEntry) -> str:
        """Why the pack's files are not those that were installed; "" when they are."""


class Listener(Protocol):
    """Whom a session tells. Nothing follows `on_ended`, nothing at all `Session.end`."""

    def objection(self, level: Level) -> str:
        """Why nothing of the pack may run behind walls that come to this; "" when it may."""

    def on_loaded(self, loaded: Loaded) -> None:
        """The panel stands; frames may be asked for."""

    def on_reply(self, reply: Reply) -> None:
        """The answer to the frame in flight."""

    def on_slow(self) -> None:
        """The frame in flight takes longer than `Deadlines.slow_s`."""

    def on_raised(self, failure: Failure) -> None:
        """The panel raised while answering; the worker goes on."""

    def on_ended(self, failure: Failure) -> None:
        """The worker is gone, or was killed for this reason."""


class _Phase(Enum):
    HELLO = auto()
    LOAD = auto()
    FRAMES = auto()


class Session:
    """Raises OSError when no worker can be had."""

    def __init__(
        self,
        spawner: Spawner,
        room: Room,
        load: Load,
        listener: Listener,
        deadlines: Deadlines,
    ) -> None:
        self._spawner, self._room = spawner, room
        self._load = load
        self._listener = listener
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._phase = _Phase.HELLO
        self._seq = 0
        self._asked_at = 0.0
        self._ended = False
        self.frame_s = 0.0
        """Seconds the last frame took, from request to decoded reply."""
        self.walls: dict[str, str] = {}
        self.level: Level | None = None
        """What the walls come to, None before the hello."""
        self._worker = spawner.spawn(self._on_message, self._end_with, room)
        self._timer = self._loop.call_later(deadlines.start_s, self._did_not_start)

    @property
    def pid(self) -> int | None:
        """Process id of the worker once it is known."""
        return self._worker.pid

    @property
    def ready(self) -> bool:
        """Loaded, and no frame in flight."""
        return self._phase is _Phase.FRAMES and not self._worker.channel.busy and not self._ended

    def request(self, frame: Frame) -> str:
        """Send a frame (its `seq` is filled in). Only when `ready`. Returns "" or why its data had
        to be left out."""
        self._seq += 1
        frame = msgspec.structs.replace(frame, seq=self._seq)
        trouble = ""
        try:
            framed = encode_data_frame(frame)
        except WireError as error:
            trouble = f"too much data for one frame: {error}"
            framed = encode_data_frame(msgspec.structs.replace(frame, data=None))
        self._asked_at = self._loop.time()
        self._timer = self._loop.call_later(self._deadlines.slow_s, self._is_slow)
        self._worker.channel.request(framed)
        return trouble

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the worker."""
        self._worker.signal(number)

    def log_text(self) -> str:
        """The last of what the worker printed, sanitised."""
        return self._worker.log.text()

    def end(self) -> None:
        """Kill the worker without telling the listener. Idempotent."""
        self._ended = True
        self._timer.cancel()
        self._worker.end()

    def _on_message(self, raw: bytes) -> None:
        try:
            message = decode_from_worker(raw)
        except WireError as error:
            self._violated(f"sent a malformed message: {error}")
            return
        self._timer.cancel()
        if self._phase is _Phase.FRAMES:
            self._on_answer(message)
        elif self._phase is _Phase.HELLO and isinstance(message, Hello):
            self._on_hello(message)
        elif self._phase is _Phase.LOAD and isinstance(message, Loaded):
            self._phase = _Phase.FRAMES
            self._listener.on_loaded(message)
        elif self._phase is _Phase.LOAD and isinstance(message, Failed):
            self._end_with(_told(message))
        else:
            self._violated(f"sent {type(message).__name__} out of turn")

    def _on_hello(self, hello: Hello) -> None:
        if trouble := version_trouble(hello):
            self._end_with(Failure(trouble))
            return
        if still_open := sorted(wall for wall, state in hello.walls.items() if state == "OPEN"):
            what = f"the walls do not hold: {', '.join(still_open)}"
            self._end_with(Failure(clean(what), final=True))
            return
        self.walls, self.level = hello.walls, level_of(hello.walls)
        if objection := self._listener.objection(self.level):
            self._end_with(Failure(objection, final=True))
            return
        self._phase = _Phase.LOAD
        self._timer = self._loop.call_later(
            self._deadlines.load_s, self._too_late, "load", self._deadlines.load_s
        )
        self._worker.channel.request(frame_message(self._load, MAX_DATA_FRAME))

    def _on_answer(self, message: FromWorker) -> None:
        if not isinstance(message, Reply | Failed):
            self._violated(f"sent {type(message).__name__} out of turn")
        elif message.seq != self._seq:
            self._violated(f"answered frame {message.seq} when frame {self._seq} was asked for")
        else:
            self.frame_s = self._loop.time() - self._asked_at
            if isinstance(message, Reply):
                self._listener.on_reply(message)
            else:
                self._listener.on_raised(_told(message))

    def _is_slow(self) -> None:
        left = self._deadlines.frame_s - self._deadlines.slow_s
        self._timer = self._loop.call_later(left, self._too_late, "answer", self._deadlines.frame_s)
        self._listener.on_slow()

    def _too_late(self, verb: str, limit_s: float) -> None:
        self._end_with(Failure(f"did not {verb} within {limit_s:g} s"))

    def _did_not_start(self) -> None:
        self._end_with(
            Failure(f"did not start within {self._deadlines.start_s:g} s", blameless=True)
        )
        self._spawner.unresponsive(self._room)

    def _violated(self, reason: str) -> None:
        self._end_with(Failure(clean(reason), violation=True))

    def _end_with(self, failure: Failure) -> None:
        if not self._ended:
            self.end()
            if not failure.traceback:
                failure = replace(failure, traceback=self.log_text())
            self._listener.on_ended(failure)


def version_trouble(hello: Hello) -> str:
    """Why host and worker cannot talk, and who must act; "" when they can."""
    if hello.wire != WIRE:
        return (
            f"the worker speaks wire {hello.wire} and this host {WIRE}: two installations of "
            "nanochat-cli are mixed; reinstall it"
        )
    if hello.api not in API_SUPPORTED:
        return clean(
            f"nanochat_sdk {hello.sdk} has API {hello.api}, which this host does not serve: "
            "reinstall nanochat-cli"
        )
    return ""


def _told(failed: Failed) -> Failure:
    return Failure(clean(failed.message), clean_lines(failed.traceback))
