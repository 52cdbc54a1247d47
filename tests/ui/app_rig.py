"""A core made of lists: what the screens ask it, it remembers; what it says, the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from nanochat_host.core import wire
from nanochat_host.core.wire_queue import QueueInfo
from nanochat_host.errors import CoreUnavailableError, RefusedError
from nanochat_host.paths import Paths
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.deck import load_deck
from nanochat_host.ui.link import CoreLink
from nanochat_sdk.data import Data, Event, LogLine, LogPage, LogQuery, RunFacts
from textual.pilot import Pilot


def make_run(run_id: str = "20261122-041530-base_train-k3f9", **facts: Any) -> wire.RunSummary:
    """A run as the core lists it; `facts` override those of a live run."""
    values: dict[str, Any] = {
        "name": "first", "state": "running", "stage": "base_train", "checkout": "tiny",
        "created_at": 1000.0, "started_at": 1000.0, "step": 120, "num_steps": 500, "hooked": True,
    }  # fmt: skip
    return wire.RunSummary(
        facts=RunFacts(id=run_id, **(values | facts)), target="demo", loss=3.25, updated_at=1100.0
    )


class FakeCore:
    """Speaks as `AsyncCoreClient` does. sent: every command, in order. up: it answers at all."""

    def __init__(self) -> None:
        self.up = True
        self.run_list: list[wire.RunSummary] = []
        self.checkout_list = [wire.CheckoutRef(name="tiny", path="/tiny", builtin=True)]
        self.infos: dict[str, wire.CheckoutInfo] = {}
        self.waiting = QueueInfo()
        self.lines: list[LogLine] = []
        self.sent: list[Any] = []
        self.starts = 0
        self.refuse = ""
        self.streams: list[tuple[str, asyncio.Queue[wire.StreamMessage | None]]] = []

    def _check(self) -> None:
        if not self.up:
            raise CoreUnavailableError("no core at core.sock")

    def start(self, paths: Paths) -> None:
        """What the link calls when nobody answers."""
        self.starts += 1
        self._check()

    async def health(self) -> wire.CoreInfo:
        self._check()
        return wire.CoreInfo(version="0", api=1, pid=1, home="", started_at=0.0)

    async def runs(self) -> list[wire.RunSummary]:
        self._check()
        return list(self.run_list)

    async def checkouts(self) -> list[wire.CheckoutRef]:
        self._check()
        return list(self.checkout_list)

    async def queue(self) -> QueueInfo:
        self._check()
        return self.waiting

    async def checkout(self, name: str) -> wire.CheckoutInfo:
        self._check()
        return self.infos[name]

    async def start_run(self, body: wire.StartRun) -> wire.RunSummary:
        self._check()
        self.sent.append(body)
        if self.refuse:
            raise RefusedError(self.refuse, "do something else")
        run = make_run(f"run-{len(self.sent)}", name=body.name or body.target, step=-1)
        self.run_list.append(run)
        return run

    async def control(self, run_id: str, body: wire.Control) -> wire.ControlAck:
        self._check()
        self.sent.append((run_id, body))
        return wire.ControlAck(id="c1", accepted=not self.refuse, note=self.refuse)

    async def stop_run(self, run_id: str, body: wire.StopRun) -> wire.ControlAck:
        self.sent.append((run_id, body))
        return wire.ControlAck(id="c2")

    async def delete_run(self, run_id: str) -> wire.RunSummary:
        self.sent.append(("delete", run_id))
        gone = next(run for run in self.run_list if run.facts.id == run_id)
        self.run_list.remove(gone)
        return gone

    async def events(self, run_id: str, kinds: Sequence[str], limit: int) -> list[Event]:
        return [Event(ts=1.0, kind="checkpoint", step=100)]

    async def log(self, run_id: str, query: LogQuery) -> LogPage:
        self._check()
        found = [line for line in self.lines if query.search.lower() in line.text.lower()]
        return LogPage(lines=found[-query.lines :], total=len(self.lines), matched=len(found))

    async def query(self, query: wire.Query) -> wire.QueryResult:
        self._check()
        data = msgspec.msgpack.encode(Data(now=1.0))
        return wire.QueryResult([wire.QueryAnswer(rev=1, data=data) for _ in query.items])

    async def stream(self, run_id: str) -> AsyncIterator[wire.StreamMessage]:
        self._check()
        queue: asyncio.Queue[wire.StreamMessage | None] = asyncio.Queue()
        self.streams.append((run_id, queue))
        while (message := await queue.get()) is not None:
            yield message

    def say(self, message: wire.StreamMessage | None) -> None:
        """Send on the newest stream; None ends it."""
        self.streams[-1][1].put_nowait(message)


class Host:
    """An app under test and the core it speaks to."""

    def __init__(self, home: Path, core: FakeCore) -> None:
        self.paths = Paths(home)
        self.core = core

    def app(self, **arguments: Any) -> NanochatApp:
        """A new app; `arguments` as `NanochatApp` takes them, layout by its name."""
        if layout := arguments.pop("layout", None):
            arguments["deck"] = load_deck(self.paths, layout)
        app = NanochatApp(self.paths, **arguments)
        app.link = CoreLink(
            self.paths,
            app.post_message,
            connect=lambda _: self.core,  # type: ignore[arg-type, return-value]
            start=self.core.start,
        )
        return app


def following(core: FakeCore, run_id: str) -> bool:
    """The app reads that run's stream: what the core says from now on is heard."""
    return bool(core.streams) and core.streams[-1][0] == run_id


async def until(pilot: Pilot[Any], condition: Any, what: str, timeout_s: float = 30.0) -> None:
    """Let the app work until `condition()` holds, and do what follows from it in its own loop: a
    dialog that is up has its focus then. Fails naming `what`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not condition():
        assert loop.time() < deadline, f"never happened: {what}"
        await pilot.pause(0.01)
    await pilot.pause()


async def leave(pilot: Pilot[Any], key: str = "q") -> None:
    """Quit by that key; what the app remembers is on disk then."""
    await pilot.press(key)
    async with asyncio.timeout(30.0):
        while not pilot.app._exit:
            await asyncio.sleep(0.005)


def screen_text(app: NanochatApp) -> str:
    """What is on the screen, line by line."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip).rstrip() for strip in strips]
    return "\n".join(line[:width] for line in lines[:height])


def toasts(app: NanochatApp) -> list[str]:
    """Texts of the toasts that are up."""
    return [notification.message for notification in app._notifications]
