"""A feed on a stand: panels, their workers and a core that do what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nanochat_host.core.wire import Query, QueryAnswer, QueryResult
from nanochat_host.errors import CoreUnavailableError
from nanochat_host.ui.feed import Feed
from nanochat_host.ui.slot import Slot
from nanochat_sdk.data import Needs
from nanochat_sdk.protocol import Act, View


class Process:
    """A worker that answers when the test says so."""

    def __init__(self, needs: Needs | None = None) -> None:
        self.state = "live"
        self.needs = needs or Needs()
        self.granted: frozenset[str] = frozenset({"metrics:read"})
        self.busy = False
        self.pulls: list[dict[str, Any]] = []
        self.acts: list[Act] = []
        self.paused = False
        self.prompted = False

    @property
    def ready(self) -> bool:
        return self.state == "live" and not self.busy

    def pull(self, **frame: Any) -> bool:
        if not self.ready:
            return False
        self.busy = True
        self.pulls.append(frame)
        return True

    def take_acts(self) -> list[Act]:
        acts, self.acts = self.acts, []
        return acts

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class Panel:
    view = View()
    inner_size = (40, 10)

    def __init__(self) -> None:
        self.paints = 0

    def refresh_from_process(self) -> None:
        self.paints += 1


class Core:
    """Counts queries; rev grows when the test says that something is new. gate: answers wait for
    it."""

    def __init__(self) -> None:
        self.queries: list[Query] = []
        self.rev = 1
        self.down = False
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def query(self, query: Query) -> QueryResult:
        self.queries.append(query)
        self.asked.set()
        await self.gate.wait()
        if self.down:
            raise CoreUnavailableError("no core")
        data = query.run.encode() or b"data"
        return QueryResult(
            [QueryAnswer(self.rev, data if item.since < self.rev else None) for item in query.items]
        )


class Stand:
    """A feed with `count` panels on show, all answered once."""

    def __init__(self, needs: Sequence[Needs], hz: float = 1000.0) -> None:
        self.core = Core()
        self.acts: list[list[Act]] = []
        self.pressed_at = 0.0
        self.feed = Feed(
            self.core.query, lambda panel, acts: self.acts.append(acts), lambda: self.pressed_at
        )
        self.slots = [Slot(Panel(), Process(need), 1 / hz) for need in needs]  # type: ignore[arg-type]
        self.processes: list[Process] = [slot.process for slot in self.slots]  # type: ignore[misc]

    async def begin(self) -> None:
        self.feed.set_up(True)
        self.feed.show(self.slots)
        await self.until(lambda: all(p.pulls for p in self.processes))
        self.answer()

    def answer(self) -> None:
        for process in self.processes:
            process.busy = False
            self.feed.changed(process)  # type: ignore[arg-type]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.001)


async def settle(turns: int = 30) -> None:
    """Let everything that is ready in the loop happen."""
    for _ in range(turns):
        await asyncio.sleep(0)
