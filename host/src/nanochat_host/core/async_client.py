"""The core's client for the screen: asyncio, nothing heavy imported.

When the core goes, calls raise CoreUnavailableError; when to try again is the caller's decision.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import msgspec
from nanochat_sdk.data import Event, LogPage, LogQuery, MachineFacts

from nanochat_host.core import calls, calls_queue, http1, wire
from nanochat_host.core.calls import Call
from nanochat_host.core.wire_queue import QueueInfo
from nanochat_host.errors import CoreUnavailableError
from nanochat_host.paths import Paths

T = TypeVar("T")
MAX_IDLE = 4
_READ_LIMIT = 1024 * 1024


class _Line:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def stale(self) -> bool:
        return self.reader.at_eof() or self.writer.is_closing()

    async def head(self) -> http1.Head:
        return http1.parse_head(await self.reader.readuntil(b"\r\n\r\n"))

    async def chunk(self) -> bytes:
        size = http1.chunk_size(await self.reader.readuntil(b"\r\n"))
        return (await self.reader.readexactly(size + 2))[:size]

    async def body(self, head: http1.Head) -> bytes:
        if head.length is not None:
            return await self.reader.readexactly(head.length)
        parts = []
        while part := await self.chunk():
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        self.writer.close()


class AsyncCoreClient:
    """One method a route, as in `CoreClient`. Calls may run at once; each takes a connection."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._idle: list[_Line] = []

    async def close(self) -> None:
        """Hang up; later calls connect again."""
        while self._idle:
            self._idle.pop().close()

    async def ask(self, call: Call[T]) -> T:
        """Send any request, for routes with a module of calls of their own (`calls_config`)."""
        return await self._send(call)

    async def health(self) -> wire.CoreInfo:
        return await self._send(calls.health())

    async def shutdown(self) -> None:
        await self._send(calls.shutdown())
        await self.close()

    async def set_debug(self, on: bool) -> wire.CoreInfo:
        return await self._send(calls.set_debug(on))

    async def machine(self) -> MachineFacts:
        return await self._send(calls.machine())

    async def checkouts(self) -> list[wire.CheckoutRef]:
        return await self._send(calls.checkouts())

    async def queue(self) -> QueueInfo:
        return await self._send(calls_queue.queue())

    async def checkout(self, name: str) -> wire.CheckoutInfo:
        return await self._send(calls.checkout(name))

    async def add_checkout(self, body: wire.AddCheckout) -> wire.CheckoutRef:
        return await self._send(calls.add_checkout(body))

    async def remove_checkout(self, name: str) -> wire.CheckoutRef:
        return await self._send(calls.remove_checkout(name))

    async def runs(self) -> list[wire.RunSummary]:
        return await self._send(calls.runs())

    async def run(self, run_id: str) -> wire.RunDetail:
        return await self._send(calls.run(run_id))

    async def start_run(self, body: wire.StartRun) -> wire.RunSummary:
        return await self._send(calls.start_run(body))

    async def control(self, run_id: str, body: wire.Control) -> wire.ControlAck:
        return await self._send(calls.control(run_id, body))

    async def stop_run(self, run_id: str, body: wire.StopRun) -> wire.ControlAck:
        return await self._send(calls.stop_run(run_id, body))

    async def delete_run(self, run_id: str) -> wire.RunSummary:
        return await self._send(calls.delete_run(run_id))

    async def metrics(self, run_id: str) -> list[wire.MetricInfo]:
        return await self._send(calls.metrics(run_id))

    async def log(self, run_id: str, query: LogQuery = LogQuery()) -> LogPage:  # noqa: B008 - frozen
        return await self._send(calls.log(run_id, query))

    async def events(self, run_id: str, kinds: Sequence[str] = (), limit: int = 100) -> list[Event]:
        return await self._send(calls.events(run_id, kinds, limit))

    async def query(self, query: wire.Query) -> wire.QueryResult:
        return await self._send(calls.query(query))

    async def stream(self, run_id: str = "") -> AsyncIterator[wire.StreamMessage]:
        """What changes, as it changes: one connection. Ends when the core says goodbye; raises
        CoreUnavailableError when it vanishes, NotFoundError when there is no such run."""
        async for message in self.listen(calls.stream(run_id)):
            yield message

    async def listen(self, call: Call[T]) -> AsyncIterator[T]:
        """Any request that is answered by server-sent events."""
        line = await self._connect()
        decoder = msgspec.json.Decoder(call.answer)
        try:
            line.writer.write(http1.request_bytes(call.method, call.path, call.body, call.type))
            head = await line.head()
            if head.status != 200 or head.length is not None:
                call.decode(head.status, await line.body(head))
                return
            reader = http1.EventReader()
            while piece := await line.chunk():
                for payload in reader.feed(piece):
                    yield decoder.decode(payload)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            raise CoreUnavailableError(http1.CLOSED, http1.HINT) from None
        finally:
            line.close()

    async def _send(self, call: Call[T]) -> T:
        kept = self._take()
        if kept is not None:
            try:
                return await self._exchange(kept, call)
            except CoreUnavailableError:
                if not call.repeatable:
                    raise
        return await self._exchange(await self._connect(), call)

    async def _exchange(self, line: _Line, call: Call[T]) -> T:
        keep = False
        try:
            async with asyncio.timeout(call.answer_s):
                line.writer.write(http1.request_bytes(call.method, call.path, call.body, call.type))
                head = await line.head()
                body = await line.body(head)
            keep = not head.closes
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            what = str(error) or type(error).__name__
            raise CoreUnavailableError(f"the core did not answer: {what}", http1.HINT) from None
        finally:
            if keep and len(self._idle) < MAX_IDLE:
                self._idle.append(line)
            else:
                line.close()
        return call.decode(head.status, body)

    def _take(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            if not line.stale:
                return line
            with contextlib.suppress(OSError):
                line.close()
        return None

    async def _connect(self) -> _Line:
        path = str(self._paths.core_socket)
        try:
            return _Line(*await asyncio.open_unix_connection(path, limit=_READ_LIMIT))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CoreUnavailableError(
                f"no core at {path}: {reason}", "`nanochat-cli core start` starts it"
            ) from None
