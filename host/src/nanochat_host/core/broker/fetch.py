"""One HTTP request for a pack: exactly where it was allowed to, and nowhere near this machine.

The name is resolved once, every address is checked, and the connection goes to a checked address,
so a name that changes its mind leads nowhere else. Redirects are taken apart and checked like the
first URL. Nothing of ours travels: no cookie, no token, no proxy of the environment.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urljoin

import msgspec
from nanochat_sdk.asks import MAX_FETCHED, Address, Answer, Fetch, address_of, permission_for
from nanochat_sdk.errors import SdkError

from nanochat_host.core.broker.address import is_public

TIME_S = 10.0
MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_AS_GET = (301, 302, 303)


class FetchError(Exception):
    """Why there is no page, in one line."""


def resolve(host: str, port: int) -> list[str]:
    """Addresses of a name, in the system's order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Fetcher:
    """resolve: name and port to addresses. allowed: whether an address may be connected to. tls:
    makes the context of an https connection. time_s: for the whole request, redirects included."""

    resolve: Callable[[str, int], list[str]] = resolve
    allowed: Callable[[str], bool] = is_public
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    time_s: float = TIME_S

    def fetch(self, ask: Fetch, granted: Collection[str]) -> Answer:
        """The answer, or what went wrong. Blocks for `time_s` at most, apart from the resolver."""
        deadline = time.monotonic() + self.time_s
        for _ in range(MAX_REDIRECTS + 1):
            needed = permission_for(ask)
            if needed is None or needed not in granted:
                return Answer("denied", needed or f"`{ask.url[:200]}` cannot be asked for")
            try:
                code, headers, body = self._once(ask, address_of(ask.url), deadline)
            except FetchError as error:
                return Answer("failed", str(error))
            target = headers.get("location", "")
            if code not in _REDIRECTS or not target:
                kind = headers.get("content-type", "")[:200]
                return Answer("ok", value=body, code=code, type=kind)
            try:
                ask = _redirected(ask, code, target)
            except (SdkError, ValueError, msgspec.ValidationError):
                return Answer("failed", "it was redirected to what is no plain http address")
        return Answer("failed", f"it was redirected more than {MAX_REDIRECTS} times")

    def _once(
        self, ask: Fetch, address: Address, deadline: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of one hop. Raises FetchError."""
        sock = self._prepared(self._connect(address, deadline), address)
        # A server that sends a byte now and then would outlive every timeout of single reads.
        late = threading.Event()
        left = max(0.0, deadline - time.monotonic())
        watchdog = threading.Timer(left, _hang_up, [sock, late])
        watchdog.daemon = True
        watchdog.start()
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection = http.client.HTTPConnection(address.host, address.port)
            connection.sock = sock
            found = _exchange(connection, ask, address)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise FetchError(self._too_slow(address)) from None
            raise FetchError(f"{address.host}: {_words(error)}") from None
        finally:
            watchdog.cancel()
            sock.close()
        if late.is_set():  # what was cut off may look complete
            raise FetchError(self._too_slow(address))
        return found

    def _connect(self, address: Address, deadline: float) -> socket.socket:
        """A connection to a checked address of the name. Raises FetchError."""
        try:
            found = self.resolve(address.host, address.port)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"{address.host} cannot be looked up: {_words(error)}") from None
        open_to = [one for one in found if self.allowed(one)]
        if not open_to:
            raise FetchError(f"{address.host} is not on the public internet: nothing was sent")
        trouble = "no answer"
        for one in open_to:
            left = deadline - time.monotonic()
            if left <= 0:
                raise FetchError(self._too_slow(address))
            try:
                return socket.create_connection((one, address.port), timeout=left)
            except OSError as error:
                trouble = _words(error)
        raise FetchError(f"{address.host}: {trouble}")

    def _prepared(self, sock: socket.socket, address: Address) -> socket.socket:
        """The connection as it is spoken on; an encrypted one has not shaken hands yet."""
        if address.scheme == "http":
            return sock
        return self._context.wrap_socket(
            sock, server_hostname=address.host, do_handshake_on_connect=False
        )

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """One for all connections: making it reads every certificate the system trusts."""
        return self.tls()

    def _too_slow(self, address: Address) -> str:
        return f"{address.host} took longer than {self.time_s:g} s"


def _exchange(
    connection: http.client.HTTPConnection, ask: Fetch, address: Address
) -> tuple[int, http.client.HTTPMessage, bytes]:
    headers = {
        "User-Agent": "nanochat-cli",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    body = ask.body if ask.method == "POST" else None
    if body is not None:
        headers["Content-Type"] = ask.type
    connection.request(ask.method, address.target, body, headers)
    response = connection.getresponse()
    content = response.read(MAX_FETCHED + 1)
    if len(content) > MAX_FETCHED:
        raise FetchError(f"{address.host} sent more than {MAX_FETCHED // 1024} KiB")
    return response.status, response.headers, content


def _redirected(ask: Fetch, code: int, target: str) -> Fetch:
    """The request for where a redirect points, as strict as one from the panel. Raises SdkError,
    ValueError or ValidationError."""
    changes: dict[str, object] = {"url": urljoin(ask.url, target)}
    if code in _AS_GET:
        changes |= {"method": "GET", "body": b""}
    replaced = msgspec.structs.replace(ask, **changes)
    redirected = msgspec.convert(msgspec.to_builtins(replaced), Fetch)
    address_of(redirected.url)
    return redirected


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    """Wakes the thread that waits for the other side. Not the method of an encrypted socket, which
    would pull the connection from under that thread."""
    late.set()
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    """One bounded line, whatever a server made the exception say."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error.strerror or 'failed'}"[:200]
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text.splitlines() or [type(error).__name__])[0][:200] or type(error).__name__
