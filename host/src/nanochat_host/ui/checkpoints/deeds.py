"""What a person does with checkpoints: each is asked about where it costs something, then sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from nanochat_sdk import format as fmt

from nanochat_host.core import calls_checkpoints as calls
from nanochat_host.core.wire_checkpoints import (
    DeletePlan,
    DeleteWish,
    FormWish,
    KeepRule,
    ReshardWish,
)
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.checkpoints.listing import Folder, Named
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

SHOWN = 8
"""Checkpoints that a question names; further ones are counted."""


class Deeds:
    """Runs in workers of the app. busy: told what long work is under way, "" when it is over.
    changed: the list has to be read again."""

    def __init__(
        self, app: NanochatApp, busy: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self._app = app
        self._busy = busy
        self._changed = changed

    async def start_from(self, item: Named, use: Literal["resume", "continue", "evaluate"]) -> None:
        """Fill the start form so that a run goes on from it."""
        link = self._app.link
        wish = FormWish(item.checkout, item.info.id, use)
        filled = await link.request(link.client.ask(calls.checkpoint_form(wish)))
        if filled is not None:
            self._app.starting.fill = (item.checkout, filled)
            await self._app.action_show("start")

    async def delete(self, item: Named) -> None:
        """Ask, then delete one."""
        info = item.info
        title = f"Delete {clean(info.id)}?"
        wish = DeleteWish(item.checkout, [info.id])
        await self._delete(wish, title)

    async def prune(self, folder: Folder) -> None:
        """Ask how many to keep, show what would go, then delete that."""
        help = "the newest of each stage and tag; the best by validation loss is kept too"
        text = await self._app.push_screen_wait(AskScreen("Keep how many of each tag?", "3", help))
        if text is None:
            return
        if not text.strip().isdecimal() or int(text) < 1:
            self._app.tell(f"`{clean(text)}` is no number of checkpoints", "warning")
            return
        rule = KeepRule(last=int(text), best=1)
        wish = DeleteWish(folder.checkouts[0], rule=rule)
        await self._delete(wish, f"Keep the newest {int(text)} and the best?")

    async def _delete(self, wish: DeleteWish, title: str) -> None:
        """The core says what would go; what was shown goes, and nothing that came since."""
        link = self._app.link
        plan = await link.request(link.client.ask(calls.delete_checkpoints(wish)))
        if plan is None:
            return
        if not plan.delete:
            self._app.tell("nothing would go")
            return
        count = "1 checkpoint" if len(plan.delete) == 1 else f"{len(plan.delete)} checkpoints"
        choice = Choice("go", "y", "delete", f"{fmt.size(plan.size_bytes)}, for good", "error")
        screen = ConfirmScreen(title, f"{count} would go:\n{_names(plan)}", [choice])
        if await self._app.push_screen_wait(screen) != "go":
            return
        sure = DeleteWish(wish.checkout, [info.id for info in plan.delete], sure=True)
        done = await link.request(link.client.ask(calls.delete_checkpoints(sure)))
        self._changed()
        if done is not None:
            self._app.tell(f"deleted {count}, {fmt.size(done.size_bytes)}")

    async def reshard(self, item: Named) -> None:
        """Convert the optimizer's shards to another number of processes, as a tag of its own."""
        info = item.info
        help = f"it was saved by {info.ranks}; the result is a new tag beside {clean(info.tag)}"
        text = await self._app.push_screen_wait(AskScreen("For how many processes?", "", help))
        if not text:
            return
        if not text.strip().isdecimal() or not 1 <= int(text) <= 1024:
            self._app.tell(f"`{clean(text)}` is no number of processes", "warning")
            return
        wish = ReshardWish(item.checkout, info.id, int(text))
        self._busy(f"converting {clean(info.id)} to {_processes(int(text))}")
        link = self._app.link
        done = await link.request(link.client.ask(calls.reshard_checkpoint(wish)))
        self._busy("")
        self._changed()
        if done is not None:
            self._app.tell(f"{clean(done.checkpoint.id)} is for {_processes(done.world_size)}")


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _names(plan: DeletePlan) -> str:
    lines = [f"  {clean(c.id)}  {fmt.size(c.size_bytes)}" for c in plan.delete[:SHOWN]]
    more = len(plan.delete) - SHOWN
    kept = f"{len(plan.keep)} stay"
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else []), kept])
