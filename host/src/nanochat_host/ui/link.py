"""The UI's line to the core: keeps it up, follows the stream of the run on show, carries requests.

Works outside the handlers and only posts messages. The core may go at any time: the link says so,
waits with back-off, starts it again and takes up the stream where the runs are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message

from nanochat_host.core.wire import Query, QueryResult
from nanochat_host.errors import CoreUnavailableError, NanochatCliError, NotFoundError
from nanochat_host.paths import Paths
from nanochat_host.ui.messages import CoreChanged, Failure, ListsLoaded, News
from nanochat_host.ui.model import CoreState

if TYPE_CHECKING:
    from nanochat_host.core.async_client import AsyncCoreClient

logger = logging.getLogger(__name__)
T = TypeVar("T")
FIRST_WAIT_S = 0.1
LAST_WAIT_S = 5.0


def open_client(paths: Paths) -> AsyncCoreClient:
    """The core's async client; imported here, after the first paint."""
    from nanochat_host.core.async_client import AsyncCoreClient

    return AsyncCoreClient(paths)


def start_core(paths: Paths) -> None:
    """Start the core and wait until it answers; blocks. Raises CoreUnavailableError."""
    from nanochat_host.core.start import ensure_core

    ensure_core(paths)


class CoreLink:
    """post: takes the news. run_id: the run whose stream is followed, "" for the machine alone."""

    def __init__(
        self,
        paths: Paths,
        post: Callable[[Message], object],
        *,
        connect: Callable[[Paths], AsyncCoreClient] = open_client,
        start: Callable[[Paths], None] = start_core,
    ) -> None:
        self._paths = paths
        self._post = post
        self._connect = connect
        self._start = start
        self._client: AsyncCoreClient | None = None
        self._moved = asyncio.Event()
        self._listing: asyncio.Task[None] | None = None
        self.run_id = ""

    @property
    def client(self) -> AsyncCoreClient:
        """The client; made at first use."""
        if self._client is None:
            self._client = self._connect(self._paths)
        return self._client

    def follow(self, run_id: str) -> None:
        """Change over to the stream of that run."""
        if run_id != self.run_id:
            self.run_id = run_id
            self._moved.set()

    async def run(self) -> None:
        """Keep the line up until cancelled."""
        wait_s = FIRST_WAIT_S
        was_up = False
        while True:
            reached = False
            try:
                await self._reach()
                reached = True
                self._post(CoreChanged(CoreState.UP, restarted=was_up))
                was_up, wait_s = True, FIRST_WAIT_S
                await self._load_lists()
                while True:
                    await self._follow_one()
            except (NanochatCliError, OSError) as error:
                logger.info("the core is away: %s", error)
                # A core that was lost is started again at once: only what prevents that has a hint.
                note = str(error)
                if reached and isinstance(error, NanochatCliError):
                    note = error.message
                self._post(CoreChanged(CoreState.AWAY, note))
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LAST_WAIT_S)

    async def request(self, call: Awaitable[T]) -> T | None:
        """The answer, or None after a message that says why there is none."""
        try:
            return await call
        except NanochatCliError as error:
            self._post(Failure(error.message, error.hint))
        except OSError as error:
            self._post(Failure(f"the core did not answer: {error}", "it is being started again"))
        return None

    async def query(self, query: Query) -> QueryResult:
        """Data for the panels of a screen. Raises what the client raises."""
        return await self.client.query(query)

    def reload(self) -> None:
        """Ask for runs and checkouts again; calls made meanwhile are one."""
        if self._listing is None or self._listing.done():
            self._listing = asyncio.ensure_future(self._reload())

    async def _reload(self) -> None:
        with contextlib.suppress(NanochatCliError, OSError):
            await self._load_lists()

    async def _load_lists(self) -> None:
        client = self.client
        runs, checkouts, queue = await asyncio.gather(
            client.runs(), client.checkouts(), client.queue()
        )
        self._post(ListsLoaded(runs, checkouts, queue))

    async def _reach(self) -> None:
        try:
            await self.client.health()
        except (CoreUnavailableError, OSError):
            await asyncio.to_thread(self._start, self._paths)
            await self.client.health()

    async def _follow_one(self) -> None:
        """Read one stream until it ends (the core went) or another run is to be followed."""
        self._moved.clear()
        reading = asyncio.ensure_future(self._read(self.run_id))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait({reading, moved}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            for task in (reading, moved):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, NanochatCliError, OSError):
                    await task

    async def _read(self, run_id: str) -> None:
        with contextlib.suppress(NotFoundError):
            async for news in self.client.stream(run_id):
                self._post(News(run_id, news))
                if news.runs:
                    self.reload()
            if not run_id or run_id in {run.facts.id for run in await self.client.runs()}:
                raise CoreUnavailableError(
                    "the core closed the stream", "it is being started again"
                )
        if self.run_id == run_id:
            self.run_id = ""
        self._post(Failure(f"the run {run_id} is gone", "choose another one with r"))
