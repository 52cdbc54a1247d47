"""A core on its way out starts nothing more from the queue, and holds nothing for it. What has
begun is listed no more, whatever the disk says."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from nanochat_host.core import queue as module
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
            await asyncio.wait_for(begun.wait(), 60.0)
        await queue.close()

    asyncio.run(play())
    kept = msgspec.json.decode((tmp_path / "queue.json").read_bytes(), type=QueueInfo)
    assert len(kept.items) == 1
    assert (bool(kept.held), len(asked)) == ((False, 0) if rests else (True, 1))


async def fine(wish: StartRun) -> None:
    """Nothing is wrong with it."""


def test_what_has_begun_is_listed_no_more_while_a_slow_disk_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, may_write, write = threading.Event(), threading.Event(), module._write

    async def launch(wish: StartRun, item_id: str) -> RunSummary:
        monkeypatch.setattr(module, "_write", slow)
        return cast(RunSummary, None)

    def slow(file: Path, now: QueueInfo) -> None:
        writing.set()
        assert may_write.wait(20.0)
        write(file, now)

    async def play() -> None:
        queue = Queue(
            tmp_path / "queue.json", cast(RunManager, NoRuns()), fine, launch, lambda: None
        )
        queue.start()
        await queue.add(QueueWish(StartRun(checkout="tiny", target="base_train")))
        assert await asyncio.to_thread(writing.wait, 20.0)
        assert queue.info().items == [], "its run is there already"
        may_write.set()
        await queue.close()

    asyncio.run(play())
    kept = msgspec.json.decode((tmp_path / "queue.json").read_bytes(), type=QueueInfo)
    assert kept.items == []


def test_a_disk_that_refuses_does_not_start_a_wish_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def launch(wish: StartRun, item_id: str) -> RunSummary:
        begun.append(item_id)
        monkeypatch.setattr(module, "_write", full)
        return cast(RunSummary, None)

    def full(file: Path, now: QueueInfo) -> None:
        raise OSError(28, "No space left on device")

    async def play() -> None:
        queue = Queue(
            tmp_path / "queue.json", cast(RunManager, NoRuns()), fine, launch, lambda: None
        )
        queue.start()
        await queue.add(QueueWish(StartRun(checkout="tiny", target="base_train")))
        for _ in range(3):
            queue.poke()
            assert queue._work is not None
            await queue._work
        await queue.close()

    asyncio.run(play())
    assert len(begun) == 1
