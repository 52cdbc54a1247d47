"""A core on its way out starts nothing more from the queue, and holds nothing for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from nanochat_host.core.queue import Queue
from nanochat_host.core.runs import RunManager
from nanochat_host.core.wire import RunSummary, StartRun
from nanochat_host.core.wire_queue import QueueInfo, QueueWish
from nanochat_host.errors import RefusedError


class NoRuns:
    """A home where nothing runs."""

    def newest_first(self) -> list[Any]:
        return []

    def live(self) -> list[Any]:
        return []


@pytest.mark.parametrize("rests", [True, False])
def test_a_wish_that_comes_as_the_core_goes_waits_for_the_next_core(
    tmp_path: Path, rests: bool
) -> None:
    asked: list[str] = []
    begun = asyncio.Event()

    async def check(wish: StartRun) -> None:
        return None

    async def launch(wish: StartRun, item_id: str) -> RunSummary:
        asked.append(item_id)
        begun.set()
        raise RefusedError("the core is going down", "try again in a moment")

    async def play() -> None:
        runs = cast(RunManager, NoRuns())
        queue = Queue(tmp_path / "queue.json", runs, check, launch, lambda: None)
        queue.start()
        if rests:
            queue.rest()
        await queue.add(QueueWish(StartRun(checkout="tiny", target="base_train")))
        if not rests:
            await asyncio.wait_for(begun.wait(), 10.0)
        await queue.close()

    asyncio.run(play())
    kept = msgspec.json.decode((tmp_path / "queue.json").read_bytes(), type=QueueInfo)
    assert len(kept.items) == 1
    assert (bool(kept.held), len(asked)) == ((False, 0) if rests else (True, 1))
