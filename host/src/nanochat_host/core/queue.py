"""What is to run next: a list on disk, and the rule by which the core takes from it.

An item starts when no run is under way on its device and none before it in the list waits for
that device. If the run it waited for did not end well it holds the queue instead, unless it was
told to go on. A run names the item it came from, so that a core killed between the start and the
writing of the list does not start it twice.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from nanochat_host import scrub
from nanochat_host.core.run_entry import Run
from nanochat_host.core.runs import RunManager
from nanochat_host.core.wire import RunSummary, StartRun
from nanochat_host.core.wire_queue import QueueInfo, QueueItem, QueueWish
from nanochat_host.errors import CannotWriteError, NanochatCliError, NotFoundError, RefusedError
from nanochat_host.paths import atomic_write

logger = logging.getLogger(__name__)
MAX_ITEMS = 200
MAX_BYTES = 4 * 2**20
GRACE_S = 5.0
"""Longest wait for a start that is under way as the core goes."""
_GPUS = "CUDA_VISIBLE_DEVICES"


class Queue:
    """check: raises what is wrong with a wish. launch: starts it for an item's id."""

    def __init__(
        self,
        file: Path,
        runs: RunManager,
        check: Callable[[StartRun], Awaitable[object]],
        launch: Callable[[StartRun, str], Awaitable[RunSummary]],
        on_change: Callable[[], None],
    ) -> None:
        self._file, self._runs = file, runs
        self._check, self._launch, self._on_change = check, launch, on_change
        self._now = QueueInfo()
        self._turn = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None
        self._again = False
        self._resting = False

    def start(self) -> None:
        """Read the list and go on with it. The runs must have been read."""
        self._now = _read(self._file)
        begun = {run.record.queue_item for run in self._runs.newest_first()}
        self._now.items = [item for item in self._now.items if item.id not in begun]
        self.poke()

    def rest(self) -> None:
        """Start nothing more, for the core is going; what is listed stays listed, and a refusal on
        the way out does not hold it."""
        self._resting = True

    async def close(self) -> None:
        """Let what is being started get there, then let go: should it have begun, its run names its
        item."""
        self.rest()
        if self._work is not None:
            await asyncio.wait([self._work], timeout=GRACE_S)
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    def info(self) -> QueueInfo:
        """The list as it stands."""
        return self._now

    async def add(self, wish: QueueWish) -> QueueItem:
        """Append a wish. Raises what is wrong with it, RefusedError or NanochatCliError."""
        for name in wish.start.env:
            if scrub.is_secret_name(name):
                raise RefusedError(
                    f"`{name}` would lie in the queue's file", "give it to the core's environment"
                )
        if len(self._now.items) >= MAX_ITEMS:
            raise RefusedError(f"the queue holds {MAX_ITEMS} wishes already", "remove some first")
        await self._check(wish.start)
        item = QueueItem(
            id=f"q{secrets.token_hex(3)}",
            start=wish.start,
            added_at=time.time(),
            even_after_failure=wish.even_after_failure,
            beside=wish.beside,
        )
        async with self._turn:
            await self._keep([*self._now.items, item])
        self.poke()
        return item

    async def remove(self, item_id: str) -> QueueItem:
        """Take a wish out. Raises NotFoundError: it may have been started meanwhile."""
        async with self._turn:
            item = self._find(item_id)
            held = "" if item is self._now.items[0] else self._now.held
            await self._keep([other for other in self._now.items if other is not item], held=held)
        self.poke()
        return item

    async def move(self, item_id: str, to: int) -> QueueInfo:
        """Put a wish at another place. Raises NotFoundError."""
        async with self._turn:
            item = self._find(item_id)
            items = [other for other in self._now.items if other is not item]
            items.insert(max(0, to), item)
            await self._keep(items)
        self.poke()
        return self._now

    async def pause(self, paused: bool) -> QueueInfo:
        """Start nothing more, or go on: then also after what held the queue."""
        async with self._turn:
            if not paused:
                for item in self._now.items:
                    item.after = []
            await self._keep(self._now.items, paused=paused, held=self._now.held if paused else "")
        self.poke()
        return self._now

    def poke(self) -> None:
        """Something changed: see whether a wish can be started. Returns at once."""
        self._again = True
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._advance())

    async def _advance(self) -> None:
        while self._again:
            self._again = False
            try:
                async with self._turn:
                    await self._take()
            except NanochatCliError as error:
                logger.error("the queue stands still: %s", error)

    async def _take(self) -> None:
        """Start what can be started, in order."""
        waiting: list[QueueItem] = []
        for item in list(self._now.items):
            if self._resting or self._now.paused or self._now.held:
                return
            before = [] if item.beside else self._before(item)
            if before:
                ids = [run.id for run in before]
                if item.after != ids:
                    item.after = ids
                    await self._keep(self._now.items)
                waiting.append(item)
            elif not item.beside and any(
                _share(other.start.gpus, item.start.gpus) for other in waiting
            ):
                waiting.append(item)
            elif failed := self._failed(item):
                what = f": {failed.status.reason}" if failed.status.reason else ""
                await self._keep(self._now.items, held=f"{failed.record.name} {failed.state}{what}")
            else:
                await self._begin(item)

    async def _begin(self, item: QueueItem) -> None:
        name = item.start.name or item.start.target
        try:
            await self._launch(item.start, item.id)
        except Exception as error:  # whatever it is holds the queue, and is shown there
            if not isinstance(error, NanochatCliError | OSError):
                logger.exception("%s cannot be started", name)
            why = str(error) or type(error).__name__
            await self._keep(self._now.items, held=f"{name} cannot be started: {why}")
            return
        # At once: from here on the run is listed, and a disk that refuses must not start another.
        self._now.items = [other for other in self._now.items if other is not item]
        await self._keep(self._now.items)

    def _before(self, item: QueueItem) -> list[Run]:
        """Runs under way on its device. Those others started are not ours to wait for."""
        return [
            run
            for run in self._runs.live()
            if not run.record.adopted_log and _share(run.record.env.get(_GPUS, ""), item.start.gpus)
        ]

    def _failed(self, item: QueueItem) -> Run | None:
        """The run it waited for that did not end well, unless that is no matter."""
        if item.even_after_failure:
            return None
        runs = [self._runs.get(run_id) for run_id in item.after if self._runs.has(run_id)]
        return next((run for run in runs if run.status.state != "done"), None)

    def _find(self, item_id: str) -> QueueItem:
        for item in self._now.items:
            if item.id == item_id:
                return item
        raise NotFoundError(
            f"there is no `{item_id}` in the queue", "`nanochat-cli run queue` shows what waits"
        )

    async def _keep(
        self, items: list[QueueItem], *, paused: bool | None = None, held: str | None = None
    ) -> None:
        """Change the list on disk, then here. Raises NanochatCliError; nothing is changed then."""
        now = QueueInfo(
            items,
            self._now.paused if paused is None else paused,
            (self._now.held if held is None else held) if items else "",
        )
        try:
            await asyncio.to_thread(_write, self._file, now)
        except OSError as error:
            raise CannotWriteError(self._file, error) from None
        self._now = now
        self._on_change()


def _share(one: str, other: str) -> bool:
    """Whether two choices of GPUs have one in common; "" is all of the machine."""
    mine, theirs = (
        {word.strip() for word in text.split(",") if word.strip()} for text in (one, other)
    )
    return not mine or not theirs or bool(mine & theirs)


def _write(file: Path, now: QueueInfo) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, msgspec.json.format(msgspec.json.encode(now)), 0o600)


def _read(file: Path) -> QueueInfo:
    """A list that cannot be read is moved aside, never overwritten."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise msgspec.DecodeError("it is too large")
        return msgspec.json.decode(file.read_bytes(), type=QueueInfo)
    except FileNotFoundError:
        return QueueInfo()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        logger.error("%s cannot be read (%s): the queue begins empty", file, error)
        try:
            file.replace(file.with_suffix(".broken"))
        except OSError:
            logger.warning("%s stays where it is", file)
        return QueueInfo()
