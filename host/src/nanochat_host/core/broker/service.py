"""Answers packs: checks the grant, how often they ask, and hands the question on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from nanochat_sdk.asks import Answer, Ask, Fetch, permission_for

from nanochat_host.core.broker.fetch import TIME_S, Fetcher
from nanochat_host.core.broker.rates import Bucket
from nanochat_host.core.broker.store import Notes
from nanochat_host.paths import Paths

NOTES_PER_S, NOTES_BURST = 10.0, 40
FETCHES_PER_S, FETCHES_BURST = 1.0, 10
AT_ONCE = 2
"""Requests to the network a pack may have under way."""
_THREADS = 4
_GRACE_S = 2.0
"""For the resolver, which knows no deadline: beyond it the panel hears that it took too long."""


class Broker:
    """One for all packs of a home. Lives in the core's event loop."""

    def __init__(self, paths: Paths, fetcher: Fetcher | None = None) -> None:
        self.notes = Notes(paths)
        self._fetcher = fetcher or Fetcher()
        self._storing = asyncio.Lock()
        self._under_way: Counter[str] = Counter()
        self._buckets: dict[tuple[str, type], Bucket] = {}
        self._threads: ThreadPoolExecutor | None = None

    async def answer(self, pack_id: str, ask: Ask, granted: Collection[str]) -> Answer:
        """What the pack asked for. Never raises for what a pack can cause."""
        needed = permission_for(ask)
        if needed is None or needed not in granted:
            return Answer("denied", needed or "no permission covers this")
        if isinstance(ask, Fetch):
            return await self._fetch(pack_id, ask, granted)
        if not self._may(pack_id, Notes, lambda: Bucket(NOTES_PER_S, NOTES_BURST)):
            return Answer("busy", f"notes are read and written {NOTES_PER_S:g} times a second")
        async with self._storing:
            return await asyncio.to_thread(self.notes.answer, pack_id, ask)

    async def close(self) -> None:
        """Let go of what is under way."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _fetch(self, pack_id: str, ask: Fetch, granted: Collection[str]) -> Answer:
        if self._under_way[pack_id] >= AT_ONCE:
            return Answer("busy", f"{AT_ONCE} requests are under way; ask again later")
        if not self._may(pack_id, Fetcher, lambda: Bucket(FETCHES_PER_S, FETCHES_BURST)):
            return Answer("busy", f"at most {FETCHES_PER_S:g} request a second; ask again later")
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._fetcher.fetch, ask, frozenset(granted))
        self._under_way[pack_id] += 1
        # Counted until the thread is done, not until the panel was told.
        work.add_done_callback(lambda _done: self._under_way.subtract([pack_id]))
        try:
            return await asyncio.wait_for(asyncio.shield(work), TIME_S + _GRACE_S)
        except TimeoutError:
            return Answer("failed", f"no answer within {TIME_S + _GRACE_S:g} s")

    def _may(self, pack_id: str, kind: type, make: Callable[[], Bucket]) -> bool:
        key = (pack_id, kind)
        if key not in self._buckets:
            self._buckets[key] = make()
        return self._buckets[key].take()
