"""The OTLP receiver: who listens where, which run a span belongs to, what came.

A span goes to the run its resource names (`nanochat_cli.run`, which every trainer of ours has in
OTEL_RESOURCE_ATTRIBUTES, or `run.id`), else to the only run there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from nanochat_host.core.telemetry import otlp_decode, otlp_grpc, otlp_http
from nanochat_host.core.telemetry.otlp_rows import point_row, span_row
from nanochat_host.core.wire_outside import OtlpListener, OtlpStatus

logger = logging.getLogger(__name__)
CHECK = "nanochat_cli.check"
CHECK_S = 5.0
Find = Callable[[Mapping[str, Any]], str]
"""Resource attributes to a run's id; "" if it belongs to none."""
Write = Callable[[str, list[dict[str, Any]]], None]
"""Append lines to a run's events. Raises OSError."""


class OtlpReceiver:
    """http_port, grpc_port: 0 switches that one off. fault: why they are not as set."""

    def __init__(
        self, find: Find, write: Write, http_port: int, grpc_port: int, fault: str = ""
    ) -> None:
        self._find, self._write, self._fault = find, write, fault
        self._ports = {"http": http_port, "grpc": grpc_port}
        self._listeners: dict[str, OtlpListener] = {}
        self._ready = asyncio.Event()
        self._http: asyncio.Server | None = None
        self._grpc: Any = None
        self._checks: dict[str, asyncio.Event] = {}
        self.counts = {"spans": 0, "points": 0, "unassigned": 0}

    async def start(self) -> None:
        """Listen where possible; each port that cannot be used costs one line in the log."""
        for protocol in ("http", "grpc"):
            port = self._ports[protocol]
            address = f"{otlp_http.HOST}:{port}"
            listener = OtlpListener(protocol, address, "off", "switched off in settings.toml")
            if port:
                listener.detail = await self._listen(protocol, port)
                listener.state = "off" if listener.detail else "live"
            self._listeners[protocol] = listener
            if listener.detail and port:
                logger.warning("OTLP over %s is off: %s", protocol, listener.detail)
            listener.detail = listener.detail or self._fault
        self._ready.set()

    async def _listen(self, protocol: str, port: int) -> str:
        """What stands in the way, "" if nothing."""
        try:
            if protocol == "http":
                self._http = await otlp_http.listen(port, self._take)
            else:
                self._grpc = await otlp_grpc.listen(port, self._take)
        except ImportError:
            return "grpcio is not installed: `pip install 'nanochat-cli-host[otlp]'`"
        except OSError:
            key = f"{protocol}_port"
            return f"port {port} is in use; end its owner, or set [otlp] {key} in settings.toml"
        return ""

    async def close(self) -> None:
        """Stop listening."""
        if self._http is not None:
            self._http.close()
        if self._grpc is not None:
            with contextlib.suppress(Exception):
                await self._grpc.stop(0)

    def status(self) -> OtlpStatus:
        """How it stands."""
        return OtlpStatus(list(self._listeners.values()), **self.counts)

    async def receivers(self) -> dict[str, str]:
        """Addresses that hear, by "otlp_grpc" and "otlp_http". Waits a moment for a core that is
        just starting."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), CHECK_S)
        listeners = self._listeners.values()
        return {f"otlp_{each.protocol}": each.address for each in listeners if each.state == "live"}

    async def check(self) -> OtlpStatus:
        """Send a span to each listener as an exporter would, and see it arrive."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), CHECK_S)
        for listener in self._listeners.values():
            if listener.state == "live":
                listener.checked_ms, listener.detail = await self._check(listener.protocol)
        return self.status()

    async def _check(self, protocol: str) -> tuple[float, str]:
        word = secrets.token_hex(8)
        came = self._checks[word] = asyncio.Event()
        began = time.perf_counter()
        try:
            await asyncio.to_thread(_send, protocol, self._ports[protocol], word)
            await asyncio.wait_for(came.wait(), CHECK_S)
        except (OSError, TimeoutError) as error:
            return 0.0, f"a test span did not arrive: {error or 'no answer'}"
        finally:
            del self._checks[word]
        return round(1e3 * (time.perf_counter() - began), 3), ""

    def _take(self, signal: str, raw: bytes, json: bool) -> None:
        """A request that came. Raises NotOtlpError, or OSError if it cannot be written down."""
        rows: dict[str, list[dict[str, Any]]] = {}
        if signal == "traces":
            for span in otlp_decode.spans(raw, json=json):
                if came := self._checks.get(str(span.resource.get(CHECK))):
                    came.set()
                    continue
                self.counts["spans"] += 1
                rows.setdefault(self._find(span.resource), []).append(span_row(span))
        else:
            for point in otlp_decode.points(raw, json=json):
                self.counts["points"] += 1
                rows.setdefault(self._find(point.resource), []).append(point_row(point))
        self.counts["unassigned"] += len(rows.pop("", ()))
        for run_id, lines in rows.items():
            self._write(run_id, lines)


def _send(protocol: str, port: int, word: str) -> None:
    now = time.time_ns()
    if protocol == "grpc":
        otlp_grpc.send(port, _request(word, now), CHECK_S)
        return
    span = {
        "name": "self-check", "traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1",
        "startTimeUnixNano": str(now), "endTimeUnixNano": str(now),
    }  # fmt: skip
    resource = {"attributes": [{"key": CHECK, "value": {"stringValue": word}}]}
    group = {"resource": resource, "scopeSpans": [{"spans": [span]}]}
    request = urllib.request.Request(
        f"http://{otlp_http.HOST}:{port}/v1/traces",
        msgspec.json.encode({"resourceSpans": [group]}),
        {"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=CHECK_S) as answer:
        answer.read()


def _request(word: str, now: int) -> bytes:
    """The same as protobuf."""

    def field(number: int, raw: bytes) -> bytes:
        return bytes([number << 3 | 2, len(raw)]) + raw

    value = field(1, word.encode())
    resource = field(1, field(1, CHECK.encode()) + field(2, value))
    at = now.to_bytes(8, "little")
    span = field(5, b"self-check") + bytes([7 << 3 | 1]) + at + bytes([8 << 3 | 1]) + at
    return field(1, field(1, resource) + field(2, field(2, span)))
