"""As much of HTTP/1.1 as the clients of our own core need, as functions over bytes."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_host.errors import CoreUnavailableError

MAX_BODY = 64 * 1024 * 1024
CLOSED = "the core closed the connection"
HINT = "run it again: the core is started on demand"


class Head(NamedTuple):
    """Status line and what matters of the headers. length: None for a chunked body."""

    status: int
    length: int | None
    closes: bool


def request_bytes(method: str, path: str, body: bytes, content_type: str) -> bytes:
    """A whole request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: core\r\n"
    if body:
        head += f"Content-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body


def parse_head(raw: bytes) -> Head:
    """Read everything up to the blank line. Raises CoreUnavailableError."""
    try:
        status_line, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        protocol, status = status_line.split(" ")[:2]
        if not protocol.startswith("HTTP/1."):
            raise ValueError(protocol)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip().lower()
        chunked = headers.get("transfer-encoding") == "chunked"
        length = None if chunked else int(headers.get("content-length", "0"))
        if length is not None and not 0 <= length <= MAX_BODY:
            raise ValueError(f"{length} bytes")
        return Head(int(status), length, headers.get("connection") == "close")
    except ValueError as error:
        raise CoreUnavailableError(f"the socket is not a core's: {error}", HINT) from None


def chunk_size(line: bytes) -> int:
    """Size announced by a chunk's first line, 0 at the end. Raises CoreUnavailableError."""
    try:
        size = int(line.split(b";")[0], 16)
    except ValueError:
        raise CoreUnavailableError(CLOSED, HINT) from None
    if not 0 <= size <= MAX_BODY:
        raise CoreUnavailableError(f"the core announced {size} bytes", HINT)
    return size


class EventReader:
    """Pieces of a server-sent event stream in, whole `data:` payloads out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Payloads that are complete now; comments and keep-alives yield none."""
        *whole, self._rest = (self._rest + piece).split(b"\n\n")
        found = (
            b"\n".join(row[6:] for row in block.split(b"\n") if row.startswith(b"data: "))
            for block in whole
        )
        return [payload for payload in found if payload]
