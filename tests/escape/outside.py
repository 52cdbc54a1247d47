"""What packs may be granted: a folder, a web, notes. With the core that answers them, and, for the
control, one that believes everything."""

from __future__ import annotations

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from nanochat_host.core.broker.address import is_public
from nanochat_host.core.broker.fetch import Fetcher
from nanochat_host.core.broker.service import Broker
from nanochat_host.paths import Paths
from nanochat_sdk.asks import Answer, Ask

PUBLIC = "127.0.0.9"
"""An address of this machine that stands for one on the internet."""
NAMES = {"public.test": [PUBLIC], "inside.test": ["127.0.0.1"], "mixed.test": ["127.0.0.1", "::1"]}
_MOST_KEPT = 300 * 1024


class Outside:
    """One for each run of cases. Its web redirects every path `/to/URL` to that URL."""

    def __init__(self, root: Path, secret: Path) -> None:
        """root: of the stage. secret: what the turned link leads to."""
        self._secret = secret
        self._server = ThreadingHTTPServer((PUBLIC, 0), _Redirector)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        self._home = root / "kvhome"
        self.shared = root / "shared"
        self._build()

    @property
    def ctx(self) -> dict[str, Any]:
        """Added to what a case is told. link: granted as a harmless file, then turned."""
        return {
            "web_port": self._server.server_address[1],
            "shared": str(self.shared),
            "link": str(self.shared / "link"),
        }

    def broker(self) -> Broker:
        """The core's, with names of its own."""
        return Broker(Paths(self._home), Fetcher(resolve=_lookup, allowed=_allowed, time_s=3.0))

    def reset(self) -> None:
        """As it is when the person is asked for a grant."""
        self._build()

    def turn_link(self) -> None:
        """After the grant: the link leads to the secret."""
        link = self.shared / "link"
        link.unlink()
        link.symlink_to(self._secret)

    def problems(self) -> list[str]:
        """What a case has done to it, put right."""
        kept = sum(path.stat().st_size for path in self._home.rglob("*") if path.is_file())
        self._build()
        return [f"{kept >> 10} KiB of notes were kept"] if kept > _MOST_KEPT else []

    def careless(self, ask: Any) -> Answer:
        """The answer of a host that checks nothing. ask: as it came, undecoded."""
        try:
            return _answer_anything(ask, self._home / "notes")
        except (OSError, ValueError, KeyError) as error:
            return Answer("failed", str(error)[:200])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _build(self) -> None:
        for path in sorted(self._home.rglob("*"), reverse=True) if self._home.exists() else []:
            path.rmdir() if path.is_dir() else path.unlink()
        (self._home / "notes").mkdir(parents=True, exist_ok=True)
        self.shared.mkdir(exist_ok=True)
        (self.shared / "file.txt").write_text("free to read")
        (self.shared / "out").unlink(missing_ok=True)
        (self.shared / "out").symlink_to(self._secret)
        (self.shared / "link").unlink(missing_ok=True)
        (self.shared / "link").symlink_to(self.shared / "file.txt")


class _Redirector(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        target = self.path.removeprefix("/to/")
        self.send_response(302 if target != self.path else 200)
        if target != self.path:
            self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def _lookup(name: str, port: int) -> list[str]:
    if name in NAMES:
        return NAMES[name]
    return [name] if name.replace(".", "").isdigit() else ["127.0.0.1"]


def _allowed(address: str) -> bool:
    return address == PUBLIC or is_public(address)


def _answer_anything(ask: Ask | Any, notes: Path) -> Answer:
    method = ask["ask"]
    if method == "net:fetch":
        url = ask["url"]
        for name, addresses in NAMES.items():
            url = url.replace(name, addresses[0])
        with urllib.request.urlopen(url, timeout=2) as page:
            return Answer("ok", value=page.read(), code=page.status)
    path = Path(f"{notes}/{ask['key']}")
    if method == "store:put":
        path.write_bytes(ask["value"])
        return Answer("ok")
    return Answer("ok", value=path.read_bytes())
