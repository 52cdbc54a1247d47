"""Pages from the network: only where the grant goes, and never near this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from nanochat_host.core.broker.address import is_public
from nanochat_host.core.broker.fetch import Fetcher, resolve
from nanochat_sdk.asks import MAX_FETCHED, Fetch

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.5.5", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1",
        "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255", "192.88.99.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2001:0:7f00:1::", "100::1", "fec0::1", "4000::1",
        "localhost", "", "1", "0x7f.1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


class Site:
    """A server on this machine, which stands for one on the internet. seen: (method, path, headers,
    body) of each request."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.port = 0
        self.names: list[str] = []

    def fetcher(self, **changes: Any) -> Fetcher:
        """As the core's, except that every name leads here and this machine counts as public."""

        def lookup(name: str, port: int) -> list[str]:
            self.names.append(name)
            return [HERE]

        usual = {"resolve": lookup, "allowed": lambda one: one == HERE, "time_s": 60.0}
        return Fetcher(**(usual | changes))

    def url(self, path: str, host: str = "site.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def grant(self, host: str = "site.example") -> str:
        return f"net:{host}:{self.port}"


def say(code: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def serving(site: Site, context: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            site.seen.append((self.command, self.path, dict(self.headers), body))
            site.answers.get(self.path, say(404))(self)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((HERE, 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as found:
        yield found


def test_a_page_comes_with_its_status_and_type(site: Site) -> None:
    site.answers["/price?now=1"] = say(200, b'{"usd": 2}', Content_Type="application/json")
    answer = site.fetcher().fetch(Fetch(site.url("/price?now=1")), [site.grant()])
    assert (answer.status, answer.code, answer.text) == ("ok", 200, '{"usd": 2}')
    assert answer.type == "application/json"
    assert site.fetcher().fetch(Fetch(site.url("/none")), [site.grant()]).code == 404


def test_nothing_of_ours_travels(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    site.answers["/"] = say(200, b"", Set_Cookie="a=b")
    fetcher = site.fetcher()
    for _ in range(2):
        fetcher.fetch(Fetch(site.url("/")), [site.grant()])
    headers = site.seen[-1][2]
    assert sorted(headers) == ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"]
    assert headers["User-Agent"] == "nanochat-cli"


def test_a_body_is_posted(site: Site) -> None:
    site.answers["/say"] = say(201, b"heard")
    ask = Fetch(site.url("/say"), method="POST", body=b"hello", type="text/plain")
    assert site.fetcher().fetch(ask, [site.grant()]).text == "heard"
    method, _path, headers, body = site.seen[-1]
    assert (method, body, headers["Content-Type"]) == ("POST", b"hello", "text/plain")


@pytest.mark.parametrize("grant", ["net:site.example:1", "net:other.example:{}", "store:kv"])
def test_another_host_or_port_is_denied_and_not_asked(site: Site, grant: str) -> None:
    answer = site.fetcher().fetch(Fetch(site.url("/")), [grant.format(site.port)])
    assert (answer.status, answer.note) == ("denied", site.grant())
    assert site.names == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "169.254.169.254", "10.0.0.1", "0.0.0.0"]
)
def test_this_machine_and_its_network_are_not_reached_whatever_was_granted(
    site: Site, host: str
) -> None:
    answer = Fetcher().fetch(Fetch(site.url("/", host)), [site.grant(host)])
    assert answer.status == "failed"
    assert "not on the public internet" in answer.note
    assert site.seen == []


def test_a_name_that_leads_to_this_machine_is_not_followed(site: Site) -> None:
    fetcher = Fetcher(resolve=lambda name, port: ["192.168.0.9", HERE, "::1"])
    answer = fetcher.fetch(Fetch(site.url("/")), [site.grant()])
    assert "not on the public internet" in answer.note
    assert site.seen == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(site: Site) -> None:
    """DNS rebinding: the second answer of the resolver would be a private address."""
    replies = [[HERE], ["10.0.0.1"]]
    fetcher = site.fetcher(resolve=lambda name, port: replies.pop(0))
    site.answers["/"] = say(200, b"once")
    assert fetcher.fetch(Fetch(site.url("/")), [site.grant()]).text == "once"
    assert replies == [["10.0.0.1"]]


def test_a_redirect_is_followed_as_far_as_the_grant_goes(site: Site) -> None:
    site.answers["/a"] = say(302, Location="/b")
    site.answers["/b"] = say(200, b"there")
    ask = Fetch(site.url("/a"), method="POST", body=b"once")
    assert site.fetcher().fetch(ask, [site.grant()]).text == "there"
    assert [(method, body) for method, _, _, body in site.seen] == [("POST", b"once"), ("GET", b"")]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://other.example/", "denied"),
        ("http://127.0.0.1:{port}/b", "denied"),
        ("//169.254.169.254/latest/meta-data", "denied"),
        ("file:///etc/passwd", "failed"),
        ("http://user:pw@site.example:{port}/", "failed"),
        ("http://[::1]:{port}/b", "failed"),
        ("gopher://site.example/", "failed"),
        ("http://site.example:{port}/" + "x" * 3000, "failed"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(site: Site, target: str, status: str) -> None:
    site.answers["/a"] = say(302, Location=target.format(port=site.port))
    answer = site.fetcher().fetch(Fetch(site.url("/a")), [site.grant()])
    assert answer.status == status
    assert [path for _, path, _, _ in site.seen] == ["/a"]


def test_a_redirect_to_a_granted_name_of_this_machine_is_checked_too(site: Site) -> None:
    site.answers["/a"] = say(302, Location=site.url("/b", "inside.example"))
    where = {"site.example": [HERE], "inside.example": ["127.0.0.2"]}
    fetcher = site.fetcher(resolve=lambda name, port: where[name])
    granted = [site.grant(), site.grant("inside.example")]
    answer = fetcher.fetch(Fetch(site.url("/a")), granted)
    assert "inside.example is not on the public internet" in answer.note


def test_going_round_in_circles_ends(site: Site) -> None:
    site.answers["/a"] = say(302, Location="/a")
    answer = site.fetcher().fetch(Fetch(site.url("/a")), [site.grant()])
    assert "more than 3 times" in answer.note
    assert len(site.seen) == 4


def test_too_large_an_answer_is_refused(site: Site) -> None:
    site.answers["/most"] = say(200, b"x" * MAX_FETCHED)
    site.answers["/more"] = say(200, b"x" * (MAX_FETCHED + 1))
    fetcher = site.fetcher()
    assert len(fetcher.fetch(Fetch(site.url("/most")), [site.grant()]).value) == MAX_FETCHED
    assert "more than 128 KiB" in fetcher.fetch(Fetch(site.url("/more")), [site.grant()]).note


def test_a_server_that_drips_is_left(site: Site) -> None:
    gone = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(OSError):
            while not gone.wait(0.1):
                handler.wfile.write(b"X-More: 1\r\n")
                handler.wfile.flush()

    site.answers["/"] = drip
    answer = site.fetcher(time_s=0.3).fetch(Fetch(site.url("/")), [site.grant()])
    gone.set()
    assert answer.note == "site.example took longer than 0.3 s"


def test_nobody_there_is_said_in_a_line(site: Site) -> None:
    with socket.socket() as closed:
        closed.bind((HERE, 0))
        port = closed.getsockname()[1]
        ask = Fetch(f"http://site.example:{port}/")
        answer = site.fetcher().fetch(ask, [f"net:site.example:{port}"])
    assert answer.note == "site.example: Connection refused"

    def nowhere(name: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    note = site.fetcher(resolve=nowhere).fetch(Fetch(site.url("/")), [site.grant()]).note
    assert note == "site.example cannot be looked up: Name or service not known"


def test_nonsense_instead_of_http_is_said_in_a_line(site: Site) -> None:
    site.answers["/"] = lambda handler: handler.wfile.write(b"\x1b]0;owned\x07\r\n\r\n")
    answer = site.fetcher().fetch(Fetch(site.url("/")), [site.grant()])
    assert answer.status == "failed"
    assert "\n" not in answer.note


def test_a_certificate_that_nobody_signed_is_refused(site: Site) -> None:
    """Plain HTTP where TLS is expected: the handshake fails, and that is said."""
    answer = site.fetcher().fetch(
        Fetch(site.url("/").replace("http://", "https://")), [site.grant()]
    )
    assert answer.status == "failed"
    assert answer.note.startswith("site.example: TLS: ")
    assert site.seen == []


def test_the_systems_resolver_is_used_as_it_is() -> None:
    assert HERE in resolve("localhost", 80) or "::1" in resolve("localhost", 80)
