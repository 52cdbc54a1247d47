"""Checkpoints of every base folder: whole or not, what they fit, and what can be done with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nanochat_sdk import format as fmt
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker

from nanochat_host.core import calls_checkpoints as calls
from nanochat_host.core import calls_config
from nanochat_host.core.wire_checkpoints import TRAINERS, CheckpointList, CheckReport, CheckWish
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.checkpoints import listing
from nanochat_host.ui.checkpoints.deeds import Deeds
from nanochat_host.ui.checkpoints.detail_rows import detail_rows
from nanochat_host.ui.checkpoints.listing import Folder, Named
from nanochat_host.ui.controls.row_list import ListColumn, RowList
from nanochat_host.ui.controls.search_line import SearchLine
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen

if TYPE_CHECKING:
    from nanochat_host.core.wire_config import TargetWish

RELIST_TICKS = 5
"""Seconds after which the list is read again while a run is live."""
SETTLE_S = 0.12
"""A checkpoint is looked into when the cursor has stood on it for so long."""


class CheckpointsScreen(HostScreen):
    """Listed by the core without running a line of theirs; what was looked into is kept."""

    mode = "checkpoints"
    CSS_PATH = "checkpoints.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "What to do"),
        Binding("v", "verify", "Verify"),
        Binding("u", "resume", "Resume"),
        Binding("s", "next_stage", "Next stage"),
        Binding("c", "chat", "Chat"),
        Binding("e", "evaluate", "Evaluate"),
        Binding("w", "reshard", "Reshard"),
        Binding("k", "prune", "Keep newest"),
        Binding("delete,D", "delete", "Delete", key_display="del"),
        Binding("slash", "filter", "Search", key_display="/"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._folders: list[Folder] | None = None
        self._named: dict[str, Named] = {}
        self._reports: dict[tuple[str, str], CheckReport | str] = {}
        self._busy = ""
        self._busy_since = 0.0
        self._ticks = 0

    def body(self) -> Iterable[Widget]:
        yield Static(Content("Checkpoints"), id="heading")
        yield SearchLine("search: stage, tag, step, state …", id="filter")
        yield RowList(*listing.COLUMNS, id="checkpoints", empty="asking the core …")
        yield RowList(ListColumn("", 1, keep=9), ListColumn(""), id="detail")

    def on_mount(self) -> None:
        self.deeds = Deeds(self.host, self._set_busy, self._read_again)
        self.query_one("#detail").can_focus = False
        self.query_one("#checkpoints", RowList).focus()
        self.set_interval(1.0, self._tick)

    @property
    def _list(self) -> RowList:
        return self.query_one("#checkpoints", RowList)

    @property
    def item(self) -> Named | None:
        """The checkpoint under the cursor."""
        return self._named.get(self._list.key)

    def place(self) -> str:
        if self._busy:
            return f"{self._busy} … {time.monotonic() - self._busy_since:.0f} s"
        return "1 checkpoint" if len(self._named) == 1 else f"{len(self._named)} checkpoints"

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUNS | Topic.CORE):
            self._read_again()

    def _read_again(self) -> None:
        self._reports.clear()
        self.host.work(self._read(), "checkpoint-list")

    async def _read(self) -> None:
        """Ask for the base folders of all checkouts at once."""
        names = [ref.name for ref in self.model.checkouts]
        answers = await asyncio.gather(*(self._of(name) for name in names))
        self._folders = listing.folders(list(zip(names, answers, strict=True)))
        self._named = listing.named(self._folders)
        if self.is_mounted:
            self._paint()
            self._moved()

    async def _of(self, checkout: str) -> CheckpointList | str:
        try:
            return await self.host.link.client.ask(calls.checkpoints(checkout))
        except (NanochatCliError, OSError) as error:
            return str(error)

    def _paint(self) -> None:
        word = self.query_one("#filter", SearchLine).value.strip()
        rows = listing.rows(self._folders or [], word)
        empty = f"no checkpoint has “{clean(word)}”" if word else "no checkout is registered"
        self._list.set_rows(rows, empty=empty if self._folders is not None else None)
        self.refresh_bar()

    # One in full.

    @on(RowList.Moved, "#checkpoints")
    def _moved(self) -> None:
        item = self.item
        if item is None:
            self.query_one("#detail", RowList).set_rows([])
        else:
            self._show_detail(item)
            if (item.key, self._against(item)) not in self._reports:
                # Not a coroutine: one that is cancelled before it begins would warn.
                self._looking: Worker[None] = self.host.run_worker(
                    partial(self._look, item), group="look", exclusive=True, exit_on_error=False
                )

    def _against(self, item: Named) -> str:
        """What it is compared with: the run that stands in the start form, if that trains it."""
        active = self._active(item)
        return f"{active.checkout}/{active.target}" if active else item.checkout

    def _active(self, item: Named) -> TargetWish | None:
        active = self.host.starting.active
        trains = TRAINERS.get(item.info.stage)
        fits = active is not None and (active.checkout, active.target) == (item.checkout, trains)
        return active if fits else None

    async def _look(self, item: Named) -> None:
        """Without the checkout's torch: milliseconds."""
        await asyncio.sleep(SETTLE_S)
        await self._check(item, probe=False)

    async def _check(self, item: Named, *, probe: bool) -> CheckReport | None:
        key, client = (item.key, self._against(item)), self.host.link.client
        wish = CheckWish(item.checkout, item.info.id, probe=probe)
        try:
            if (active := self._active(item)) is not None:
                report = await client.ask(calls_config.config_target(active))
                config = report.steps[0].config
                values = {v.name: v.value for v in config.values} if config else {}
                wish.use, wish.options, wish.nproc = "resume", values, report.steps[0].nproc
            self._reports[key] = found = await client.ask(calls.check_checkpoint(wish))
        except (NanochatCliError, OSError) as error:
            self._reports[key], found = str(error), None
        if self.is_mounted and self.item == item:
            self._show_detail(item)
        return found

    def _show_detail(self, item: Named) -> None:
        pane = self.query_one("#detail", RowList)
        against = self._against(item)
        words = f"what stands in the start form ({against})" if "/" in against else "this checkout"
        report = self._reports.get((item.key, against))
        pane.set_rows(detail_rows(report, clean(words), pane.size.width))
        pane.scroll_home(animate=False)

    # What is done with it.

    @on(RowList.Chosen, "#checkpoints")
    def _chosen(self) -> None:
        self.host.work(self._menu(), "ask")

    async def _menu(self) -> None:
        """Everything that can be done with the checkpoint under the cursor."""
        item = self.item
        if item is None:
            return
        freed = fmt.size(item.info.size_bytes)
        choices = [
            Choice("verify", "v", "verify", "all its files, then its weights in torch"),
            Choice("resume", "u", "resume", "the start form with the options it had"),
            Choice("next_stage", "s", "next stage", "begin the stage after this one from it"),
            Choice("chat", "c", "chat", "talk to it"),
            Choice("evaluate", "e", "evaluate", "the start form of its evaluation"),
            Choice("reshard", "w", "reshard", "its optimizer for another number of processes"),
            Choice("delete", "D", "delete", f"asks first; frees {freed}", "error"),
        ]
        picked = await self.host.push_screen_wait(ConfirmScreen(clean(item.info.id), "", choices))
        if picked:
            await self.run_action(picked)

    def _do(self, job: Any, group: str = "ask") -> None:
        self.host.work(job, group)

    def action_verify(self) -> None:
        if self.item is not None:
            self._do(self._verify(self.item), "verify")

    async def _verify(self, item: Named) -> None:
        name = clean(item.info.id)
        self._set_busy(f"verifying {name}")
        report = await self._check(item, probe=True)
        self._set_busy("")
        if report is None:
            return
        if report.fits:
            self.host.tell(f"{name} is whole and loads here")
        else:
            first = next(f for f in report.findings if f.severity == "error")
            self.host.tell(f"{name}: {clean(first.what)}\n{clean(first.remedy)}", "error", 10.0)

    def action_resume(self) -> None:
        if self.item is not None:
            self._do(self.deeds.start_from(self.item, "resume"))

    def action_next_stage(self) -> None:
        if self.item is not None:
            self._do(self.deeds.start_from(self.item, "continue"))

    def action_evaluate(self) -> None:
        if self.item is not None:
            self._do(self.deeds.start_from(self.item, "evaluate"))

    async def action_chat(self) -> None:
        if self.item is not None:
            self.host.starting.chat = self.item.checkout, self.item.info.id
            await self.host.action_show("chat")

    def action_reshard(self) -> None:
        if self.item is not None:
            self._do(self.deeds.reshard(self.item), "reshard")

    def action_delete(self) -> None:
        if self.item is not None:
            self._do(self.deeds.delete(self.item))

    def action_prune(self) -> None:
        """In the base folder under the cursor."""
        item = self.item
        if item is not None:
            folder = next(f for f in self._folders or () if item.checkout in f.checkouts)
            self._do(self.deeds.prune(folder))

    # Finding one's way.

    def _set_busy(self, text: str) -> None:
        self._busy, self._busy_since = text, time.monotonic()
        self.refresh_bar()

    def _tick(self) -> None:
        """A run may save while its checkpoints are looked at; what is known is not read again."""
        if not self.is_current:
            return
        self._ticks += 1
        if self._busy:
            self.refresh_bar()
        elif self._ticks % RELIST_TICKS == 0 and self.model.live:
            self.host.work(self._read(), "checkpoint-list")

    @on(Input.Changed)
    def _typed(self) -> None:
        self._paint()

    @on(Input.Submitted)
    def _done(self) -> None:
        self._list.focus()

    def action_choose(self) -> None:
        self._list.action_choose()

    def action_filter(self) -> None:
        self.query_one("#filter", SearchLine).open()

    async def action_back(self) -> None:
        if self.query_one("#filter", SearchLine).close():
            self._list.focus()
        else:
            await self.host.action_back()
