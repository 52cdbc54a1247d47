"""The receiver on real sockets: real exporters, a self-check, ports in use, and hostile senders."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.core.telemetry import otlp, otlp_grpc
from nanochat_host.core.telemetry.otlp import OtlpReceiver
from nanochat_host.core.telemetry.otlp_http import MAX_BODY

MEGACONTEXT = gzip.decompress(
    (Path(__file__).parents[1] / "data" / "otlp" / "megacontext.pb.gz").read_bytes()
)


def held_port(holder: socket.socket) -> int:
    """A port that nobody else has for as long as the socket is open."""
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    return int(holder.getsockname()[1])


def free_port() -> int:
    with socket.socket() as probe:
        return held_port(probe)


class Rig:
    def __init__(self, fault: str = "", ports: tuple[int, int] | None = None) -> None:
        self.written: list[tuple[str, list[dict[str, Any]]]] = []
        self.http, self.grpc = ports or (free_port(), free_port())
        self.receiver = OtlpReceiver(
            lambda resource: "run-1" if resource.get("run.id") == "mc-cpu" else "",
            lambda run_id, lines: self.written.append((run_id, lines)),
            self.http,
            self.grpc,
            fault,
        )

    async def raw(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
        writer.write(request)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        writer.close()
        return answer

    def post(self, body: bytes, kind: str = "application/x-protobuf", more: str = "") -> bytes:
        head = f"POST /v1/traces HTTP/1.1\r\nHost: localhost:{self.http}\r\n"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        return head.encode() + body


async def listening(fault: str = "") -> Rig:
    """On ports that are still free by then: others may take one as soon as it is let go."""
    for _ in range(20):
        rig = Rig(fault)
        await rig.receiver.start()
        if all(listener.state == "live" for listener in rig.receiver.status().listeners):
            return rig
        await rig.receiver.close()
    raise AssertionError([listener.detail for listener in rig.receiver.status().listeners])


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(otlp, "CHECK_S", 60.0)
    rig = await listening()
    yield rig
    await rig.receiver.close()


async def test_the_self_check_proves_receipt_on_both(rig: Rig) -> None:
    status = await rig.receiver.check()
    assert [(x.protocol, x.state, x.detail) for x in status.listeners] == [
        ("http", "live", ""), ("grpc", "live", ""),
    ]  # fmt: skip
    assert all(listener.checked_ms > 0 for listener in status.listeners)
    assert status.spans == 0 and not rig.written


async def test_spans_over_grpc_reach_their_run(rig: Rig) -> None:
    await asyncio.to_thread(otlp_grpc.send, rig.grpc, MEGACONTEXT, 60.0)
    ((run_id, lines),) = rig.written
    assert run_id == "run-1" and len(lines) == rig.receiver.counts["spans"] > 20


async def test_spans_over_http_gzipped_and_kept_alive(rig: Rig) -> None:
    body = gzip.compress(MEGACONTEXT)
    request = rig.post(body, more="Content-Encoding: gzip\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.http)
    for _ in range(2):
        writer.write(request)
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    writer.close()
    assert len(rig.written) == 2


async def test_a_real_exporter(rig: Rig) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    def export() -> None:
        endpoint = f"http://127.0.0.1:{rig.http}/v1/traces"
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=60)
        provider = TracerProvider(resource=Resource.create({"run.id": "mc-cpu"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("t").start_as_current_span("work", attributes={"step": 5}):
            pass
        provider.shutdown()

    await asyncio.to_thread(export)
    ((_, (row,)),) = rig.written
    assert row["name"] == "work" and row["step"] == 5 and row["source"] == "otlp"


async def test_what_belongs_to_no_run_is_counted(rig: Rig) -> None:
    body = b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}'
    assert b"200 OK" in await rig.raw(rig.post(body, "application/json"))
    assert rig.receiver.status().unassigned == 1 and not rig.written


async def test_ports_that_are_not_as_set_say_why_while_they_listen() -> None:
    rig = await listening("not as in the settings: settings.toml:2: `otlp.htpp_port` is no setting")
    listeners = rig.receiver.status().listeners
    await rig.receiver.close()
    assert [one.state for one in listeners] == ["live", "live"]
    assert all("`otlp.htpp_port`" in one.detail for one in listeners)


async def test_a_port_in_use_is_one_clear_line_and_the_other_goes_on() -> None:
    with socket.socket() as other, socket.socket() as third:
        rig = Rig(ports=(held_port(other), held_port(third)))
        await rig.receiver.start()
        for listener in rig.receiver.status().listeners:
            assert listener.state == "off"
            assert f"in use; end its owner, or set [otlp] {listener.protocol}_port" in (
                listener.detail
            )
    await rig.receiver.close()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda r: r.replace(b"/v1/traces", b"/v1/logs"), b"404"),
        (lambda r: r.replace(b"POST", b"GET"), b"405"),
        (lambda r: r.replace(b"application/x-protobuf", b"text/plain"), b"415"),
        (lambda r: r.replace(b"Host: localhost", b"Host: evil.example"), b"403"),
        (lambda r: r.replace(b"Content-Length", b"X-Length"), b"411"),
        (lambda r: r.replace(b"Length: 3", "Length: \u00b2".encode("latin-1")), b"411"),
        (lambda r: r.replace(b"Length: 3", b"Length: %d" % (MAX_BODY + 1)), b"413"),
        (lambda r: r.replace(b"Length: 3", b"Length: " + b"9" * 5000), b"413"),
        (lambda r: r.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"), b"400"),
        (lambda r: b"nonsense\r\n\r\n", b"400"),
        (lambda r: r, b"400"),
    ],
)
async def test_what_is_refused(rig: Rig, change: Any, status: bytes) -> None:
    answer = await rig.raw(change(rig.post(b"\xff\xff\xff")))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert not rig.written


async def test_a_bomb_is_not_inflated(rig: Rig) -> None:
    bomb = gzip.compress(b"\0" * (MAX_BODY + 1))
    answer = await rig.raw(rig.post(bomb, more="Content-Encoding: gzip\r\n"))
    assert answer.startswith(b"HTTP/1.1 413")


async def test_junk_over_grpc_is_refused(rig: Rig) -> None:
    with pytest.raises(OSError, match="not an OTLP request"):
        await asyncio.to_thread(otlp_grpc.send, rig.grpc, b"\xff\xff\xff", 60.0)
    assert not rig.written
