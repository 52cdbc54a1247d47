"""A supervisor on a stage: opens fixture panels and waits for what they come to, with a bound."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.process import PanelProcess, PanelState
from nanochat_host.packs.session import Deadlines
from nanochat_host.packs.supervisor import Supervisor
from nanochat_sdk import Capability, Data, View
from nanochat_sdk.payload import Text

FIXTURES = Path(__file__).parent.parent / "panels"
CATALOG = Catalog.discover([FIXTURES])
PATIENCE_S = 20.0
"""For what must happen on any machine, however loaded."""
CALM = Deadlines(frame_s=PATIENCE_S, start_s=PATIENCE_S, load_s=PATIENCE_S)
"""For tests that are not about time."""
BRISK = Deadlines(slow_s=0.1, frame_s=2.0, start_s=PATIENCE_S, load_s=2.0)
"""For tests that wait for a deadline to pass; see `hurry` for those of one worker."""


class Stage:
    """history: (state, reason) of each change of each panel, by panel id, repeats left out."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.supervisor = Supervisor(self._on_change, deadlines, allow_unsandboxed=["fixture"])
        self.history: dict[str, list[tuple[PanelState, str]]] = {}
        self._changed = asyncio.Event()

    def open(
        self, panel_id: str, granted: tuple[Capability, ...] = (), **options: Any
    ) -> PanelProcess:
        entry = CATALOG.entry(f"fixture:{panel_id}")
        return self.supervisor.open(entry, options, granted)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a change after which `condition` holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def live(self, panel_id: str, **options: Any) -> PanelProcess:
        panel = self.open(panel_id, **options)
        await self.until(lambda: panel.ready)
        return panel

    async def frame(self, panel: PanelProcess, **pull: Any) -> PanelProcess:
        """Pull once and wait for the answer."""
        before = panel.frames
        assert ask(panel, **pull)
        await self.until(lambda: panel.frames > before)
        return panel

    async def fails(self, panel: PanelProcess) -> str:
        """Pull once and wait until that has gone wrong. Returns the reason."""
        before = panel.failures
        await self.until(lambda: panel.ready or panel.failures > before)
        if panel.failures == before:
            ask(panel, force=True)
            await self.until(lambda: panel.failures > before)
        return panel.reason

    def _on_change(self, panel: PanelProcess) -> None:
        seen = self.history.setdefault(panel.entry.panel.id, [])
        now = (panel.state, panel.reason)
        if seen[-1:] != [now]:
            seen.append(now)
        self._changed.set()


@asynccontextmanager
async def on_stage(deadlines: Deadlines = CALM) -> AsyncIterator[Stage]:
    stage = Stage(deadlines)
    try:
        yield stage
    finally:
        await stage.supervisor.close()


def ask(panel: PanelProcess, *, width: int = 40, height: int = 10, **pull: Any) -> bool:
    now = pull.pop("now", None)
    data = None if now is None else msgspec.msgpack.encode(Data(now=now))
    return panel.pull(width=width, height=height, data=data, view=View(), **pull)


def hurry(panel: PanelProcess) -> None:
    """The frames of its present worker have `BRISK` deadlines from now on."""
    assert panel._session is not None
    panel._session._deadlines = BRISK


def text(panel: PanelProcess) -> str:
    """The panel's lines, joined."""
    assert isinstance(panel.payload, Text)
    return "\n".join("".join(span for span, _ in line) for line in panel.payload.lines)


async def gone(*pids: int | None) -> None:
    """Wait until no such process runs. Pids are watched by descriptor, so reuse does not matter."""
    loop = asyncio.get_running_loop()
    for pid in pids:
        assert pid is not None
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = loop.create_future()
        loop.add_reader(fd, lambda ended=ended: ended.done() or ended.set_result(None))
        try:
            await asyncio.wait_for(ended, PATIENCE_S)
        finally:
            loop.remove_reader(fd)
            os.close(fd)
