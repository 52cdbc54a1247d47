"""What a person does to the queue: each wish is sent at once, but for those that lose something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanochat_host.core import calls_queue as calls
from nanochat_host.core.wire import StartRun
from nanochat_host.core.wire_queue import QueueInfo, QueueWish
from nanochat_host.ui.queue_view import title_of
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp


class QueueDesk:
    """Runs in workers of the app."""

    def __init__(self, app: NanochatApp) -> None:
        self._app = app

    @property
    def _now(self) -> QueueInfo:
        return self._app.model.queue

    async def add(self, start: StartRun) -> None:
        """Let it wait for its turn."""
        link = self._app.link
        item = await link.request(link.client.ask(calls.add(QueueWish(start))))
        if item is not None:
            self._app.tell(f"{title_of(start)} is queued; r shows what waits")
            link.reload()

    async def move(self, item_id: str, delta: int) -> None:
        """Earlier (below 0) or later."""
        places = [item.id for item in self._now.items]
        if item_id not in places:
            return
        to = places.index(item_id) + delta
        if 0 <= to < len(places):
            link = self._app.link
            await link.request(link.client.ask(calls.move(item_id, to)))
            link.reload()

    async def remove(self, item_id: str) -> None:
        """Ask, then take it out."""
        item = next((item for item in self._now.items if item.id == item_id), None)
        if item is None:
            return
        text = "It has not begun: nothing it would have made exists."
        choice = Choice("remove", "y", "take it out", "", "warning")
        screen = ConfirmScreen(f"Take {title_of(item.start)} out of the queue?", text, [choice])
        if await self._app.push_screen_wait(screen) == "remove":
            link = self._app.link
            await link.request(link.client.ask(calls.remove(item_id)))
            link.reload()

    async def pause(self) -> None:
        """Start nothing more, or go on, also after what held it."""
        paused = not (self._now.paused or self._now.held)
        link = self._app.link
        await link.request(link.client.ask(calls.pause(paused)))
        link.reload()
