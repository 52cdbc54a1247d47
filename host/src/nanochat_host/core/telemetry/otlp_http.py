"""OTLP over HTTP on loopback: as much of HTTP/1.1 as exporters speak, and nothing a web page could
send (it cannot choose these content types without asking first, and is refused then)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zlib
from collections.abc import Callable

from nanochat_host.core.telemetry.otlp_decode import NotOtlpError

logger = logging.getLogger(__name__)
HOST = "127.0.0.1"
MAX_BODY = 16 * 2**20
MAX_HEAD = 16 * 1024
IDLE_S = 120.0
Take = Callable[[str, bytes, bool], None]
"""Signal ("traces" or "metrics"), body, whether it is JSON. Raises NotOtlpError."""
_PATHS = {"/v1/traces": "traces", "/v1/metrics": "metrics"}
_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class _Refused(Exception):
    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


async def listen(port: int, take: Take) -> asyncio.Server:
    """Serve until closed. Raises OSError when the port is in use."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            while await _answer(reader, writer, take):
                pass
        writer.close()

    return await asyncio.start_server(serve, HOST, port, limit=MAX_HEAD)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, take: Take) -> bool:
    """One request. False: the connection is done with."""
    json, go_on = False, True
    try:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE_S)
        except asyncio.LimitOverrunError:
            raise _Refused("431 Request Header Fields Too Large", "headers too large") from None
        path, headers = _head(head)
        go_on = headers.get("connection", "").lower() != "close"
        raw = await asyncio.wait_for(_body(reader, headers), IDLE_S)
        signal = _PATHS.get(path)
        if signal is None:
            raise _Refused("404 Not Found", f"no such signal; there are {', '.join(_PATHS)}")
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in ("application/json", "application/x-protobuf"):
            raise _Refused("415 Unsupported Media Type", "send application/x-protobuf or JSON")
        json = kind == "application/json"
        take(signal, raw, json)
        _write(writer, "200 OK", b"{}" if json else b"", json, go_on)
    except NotOtlpError as error:
        _write(writer, "400 Bad Request", str(error).encode(), False, go_on)
    except _Refused as error:
        go_on = False
        _write(writer, error.status, str(error).encode(), False, go_on)
    except OSError as error:  # the run's disk is full: the exporter may try again
        _write(writer, "503 Service Unavailable", str(error).encode(), False, go_on)
    await writer.drain()
    return go_on


def _head(raw: bytes) -> tuple[str, dict[str, str]]:
    request, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    parts = request.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _Refused("400 Bad Request", "not HTTP")
    if parts[0] != "POST":
        raise _Refused("405 Method Not Allowed", "POST only")
    host = headers.get("host", "localhost").rsplit(":", 1)[0]
    if host not in _HOSTS:
        raise _Refused("403 Forbidden", "loopback only")
    return parts[1].split("?")[0], headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    length = headers.get("content-length", "")
    if not length.isdecimal():
        raise _Refused("411 Length Required", "send Content-Length")
    if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
        raise _Refused("413 Content Too Large", f"at most {MAX_BODY} bytes")
    raw = await reader.readexactly(int(length))
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return raw
    if encoding not in ("gzip", "deflate"):
        raise _Refused("415 Unsupported Media Type", "gzip or deflate only")
    try:
        inflate = zlib.decompressobj(47)
        out = inflate.decompress(raw, MAX_BODY)
    except zlib.error as error:
        raise _Refused("400 Bad Request", str(error)) from None
    if inflate.unconsumed_tail:
        raise _Refused("413 Content Too Large", f"at most {MAX_BODY} bytes")
    return out


def _write(writer: asyncio.StreamWriter, status: str, body: bytes, json: bool, go_on: bool) -> None:
    kind = "application/json" if json else "application/x-protobuf"
    if not status.startswith("200"):
        kind = "text/plain"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    head += "" if go_on else "Connection: close\r\n"
    writer.write(head.encode() + b"\r\n" + body)
