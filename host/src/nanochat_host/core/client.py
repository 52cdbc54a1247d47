"""The core's client for programs that may wait: the command line.

Imports the standard library, msgspec and wire types only.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, TypeVar

import msgspec
from nanochat_sdk.data import Event, LogPage, LogQuery, MachineFacts

from nanochat_host.core import calls, http1, wire
from nanochat_host.core.calls import Call
from nanochat_host.core.shim import procs
from nanochat_host.errors import CoreUnavailableError
from nanochat_host.paths import Paths

T = TypeVar("T")
ANSWER_S = 60.0
"""Longest wait for a connection or the next news; a call says how long its answer may take."""
GONE_S = 30.0
"""Longest wait for a core that was told to go."""


class CoreClient:
    """One method a route; one connection, kept. Not for several threads at once.

    Every method raises what the core answered (NotFoundError, RefusedError, UsageError, ...), or
    CoreUnavailableError when there is no core.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._socket: socket.socket | None = None
        self._file: BinaryIO | None = None

    def close(self) -> None:
        """Hang up; the next call connects again."""
        for thing in (self._file, self._socket):
            if thing is not None:
                thing.close()
        self._socket = self._file = None

    def __enter__(self) -> CoreClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, call: Call[T]) -> T:
        """Send any request, for routes with a module of calls of their own (`calls_config`)."""
        return self._send(call)

    def health(self) -> wire.CoreInfo:
        return self._send(calls.health())

    def shutdown(self) -> None:
        """Stop the core and wait until it is gone; runs go on."""
        core = self._send(calls.shutdown())
        self.close()
        deadline = time.monotonic() + GONE_S
        while time.monotonic() < deadline:
            # The socket is removed last; a screen may have started another core by now.
            if not (self._paths.core_socket.exists() and procs.is_alive(core.pid, 0)):
                return
            time.sleep(0.01)
        raise CoreUnavailableError(f"the core is still there after {GONE_S:.0f} s", http1.HINT)

    def set_debug(self, on: bool) -> wire.CoreInfo:
        return self._send(calls.set_debug(on))

    def machine(self) -> MachineFacts:
        return self._send(calls.machine())

    def checkouts(self) -> list[wire.CheckoutRef]:
        return self._send(calls.checkouts())

    def checkout(self, name: str) -> wire.CheckoutInfo:
        return self._send(calls.checkout(name))

    def add_checkout(self, body: wire.AddCheckout) -> wire.CheckoutRef:
        return self._send(calls.add_checkout(body))

    def remove_checkout(self, name: str) -> wire.CheckoutRef:
        return self._send(calls.remove_checkout(name))

    def runs(self) -> list[wire.RunSummary]:
        """Newest first."""
        return self._send(calls.runs())

    def run(self, run_id: str) -> wire.RunDetail:
        return self._send(calls.run(run_id))

    def start_run(self, body: wire.StartRun) -> wire.RunSummary:
        return self._send(calls.start_run(body))

    def control(self, run_id: str, body: wire.Control) -> wire.ControlAck:
        return self._send(calls.control(run_id, body))

    def stop_run(self, run_id: str, body: wire.StopRun) -> wire.ControlAck:
        return self._send(calls.stop_run(run_id, body))

    def delete_run(self, run_id: str) -> wire.RunSummary:
        return self._send(calls.delete_run(run_id))

    def metrics(self, run_id: str) -> list[wire.MetricInfo]:
        return self._send(calls.metrics(run_id))

    def log(self, run_id: str, query: LogQuery = LogQuery()) -> LogPage:  # noqa: B008 - frozen
        return self._send(calls.log(run_id, query))

    def events(self, run_id: str, kinds: Sequence[str] = (), limit: int = 100) -> list[Event]:
        """The newest `limit` events of these kinds (none: all but metrics), oldest first."""
        return self._send(calls.events(run_id, kinds, limit))

    def query(self, query: wire.Query) -> wire.QueryResult:
        return self._send(calls.query(query))

    def stream(self, run_id: str = "") -> Iterator[wire.StreamMessage]:
        """What changes, as it changes. Ends when the core goes; raises when it refuses."""
        return self.listen(calls.stream(run_id))

    def listen(self, call: Call[T]) -> Iterator[T]:
        """Any request that is answered by server-sent events."""
        try:
            yield from self._listen(call)
        except TimeoutError:
            raise CoreUnavailableError(
                f"the core said nothing for {call.answer_s:.0f} s: the machine may be overloaded",
                "runs go on meanwhile; try it again",
            ) from None

    def _listen(self, call: Call[T]) -> Iterator[T]:
        with connect(self._paths, call.answer_s) as line, line.makefile("rb") as file:
            line.sendall(http1.request_bytes(call.method, call.path, call.body, call.type))
            head = _read_head(file)
            if head.status != 200 or head.length is not None:
                call.decode(head.status, file.read(head.length or 0))
                return
            reader = http1.EventReader()
            while piece := _read_chunk(file):
                for payload in reader.feed(piece):
                    yield msgspec.json.decode(payload, type=call.answer)

    def wait_for_ack(self, run_id: str, ack_id: str, timeout_s: float) -> Event | None:
        """The event that answers a command; None if none came in time, or the run ended."""
        deadline = time.monotonic() + timeout_s
        ended = False
        for message in self.stream(run_id):
            for event in self.events(run_id, ["state"], 200):
                if event.fields.get("id") == ack_id:
                    return event
            if ended or time.monotonic() > deadline:
                return None
            ended = message.facts is not None and message.facts.ended_at > 0
        return None

    def _send(self, call: Call[T]) -> T:
        kept = self._file is not None
        try:
            return self._exchange(call)
        except (OSError, CoreUnavailableError):
            self.close()
            if not (kept and call.repeatable):
                raise
        return self._exchange(call)

    def _exchange(self, call: Call[T]) -> T:
        if self._socket is None or self._file is None:
            self._socket = connect(self._paths, ANSWER_S)
            self._file = self._socket.makefile("rb")
        try:
            self._socket.settimeout(call.answer_s)
            self._socket.sendall(http1.request_bytes(call.method, call.path, call.body, call.type))
            head = _read_head(self._file)
            body = _read_body(self._file, head)
        except (OSError, CoreUnavailableError) as error:
            self.close()
            if isinstance(error, OSError):
                raise CoreUnavailableError(
                    f"the core did not answer: {error}", http1.HINT
                ) from None
            raise
        if head.closes:
            self.close()
        return call.decode(head.status, body)


def connect(paths: Paths, timeout_s: float) -> socket.socket:
    """A line to the core. Raises CoreUnavailableError."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(timeout_s)
        line.connect(str(paths.core_socket))
    except OSError as error:
        line.close()
        reason = error.strerror or str(error)
        raise CoreUnavailableError(
            f"no core at {paths.core_socket}: {reason}", "`nanochat-cli core start` starts it"
        ) from None
    return line


def _read_head(file: BinaryIO) -> http1.Head:
    raw = b""
    while True:
        line = file.readline(65536)
        if not line:
            raise CoreUnavailableError(http1.CLOSED, http1.HINT)
        if line == b"\r\n":
            return http1.parse_head(raw)
        raw += line


def _read_body(file: BinaryIO, head: http1.Head) -> bytes:
    if head.length is None:
        return b"".join(iter(lambda: _read_chunk(file), b""))
    body = file.read(head.length)
    if len(body) < head.length:
        raise CoreUnavailableError(http1.CLOSED, http1.HINT)
    return body


def _read_chunk(file: BinaryIO) -> bytes:
    """The next chunk, b"" at the end of the body or of the connection."""
    with contextlib.suppress(ConnectionError):
        if line := file.readline(1024):
            size = http1.chunk_size(line)
            chunk = file.read(size + 2)
            return chunk[:size]
    return b""
