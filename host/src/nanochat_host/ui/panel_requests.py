"""What panels ask for, handed to the core, and the answers handed back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nanochat_sdk.asks import Answer, Asked

from nanochat_host.core import calls_broker
from nanochat_host.core.wire_broker import PackAsks
from nanochat_host.errors import NanochatCliError
from nanochat_host.ui.feed import Feed
from nanochat_host.ui.link import CoreLink

if TYPE_CHECKING:
    from nanochat_host.packs.broker import Desk
    from nanochat_host.packs.process import PanelProcess


class PanelRequests:
    """One for all panels of a stage."""

    def __init__(self, link: CoreLink, feed: Feed) -> None:
        self._link, self._feed = link, feed
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, process: PanelProcess) -> None:
        """Its worker has replied: pass on what it asks, and what is answered already."""
        desk = process.desk
        for asked in desk.take_wanted():
            task = asyncio.ensure_future(self._ask(process, desk, asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if desk.has_answers:
            self._feed.answered(process)

    def close(self) -> None:
        """Nobody waits for answers any more."""
        for task in self._tasks:
            task.cancel()

    async def _ask(self, process: PanelProcess, desk: Desk, asked: Asked) -> None:
        body = PackAsks(asked.ask, sorted(process.granted))
        try:
            call = calls_broker.ask(process.entry.pack.id, body)
            answer = await self._link.client.ask(call)
        except NanochatCliError as error:
            answer = Answer("failed", error.message)
        except OSError:
            answer = Answer("failed", "the core did not answer; it is being started again")
        desk.answer(asked.number, answer)
        if process.desk is desk:
            self._feed.answered(process)
