"""Set up a checkout: what is ready, what is missing, and Enter to get it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from nanochat_sdk.data import LogQuery
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.core import calls_setup as calls
from nanochat_host.core.wire_setup import SetupItem, SetupStatus
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.messages import StopWanted
from nanochat_host.ui.model import CoreState, Topic
from nanochat_host.ui.screens.base import STREAMED, HostScreen
from nanochat_host.ui.screens.choose import ChooseScreen
from nanochat_host.ui.setup_desk import SetupDesk
from nanochat_host.ui.setup_view import COLUMNS, item_row, summary

LOOK_S = 1.0
"""Downloads are watched by their files, so somebody has to look."""


class SetupScreen(HostScreen):
    """checkout: whose checklist is shown. status: the newest answer, None before the first."""

    mode = "setup"
    CSS_PATH = "setup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Do it"),
        Binding("c", "other", "Checkout"),
        Binding("a", "add", "Add a checkout"),
        Binding("s", "start", "Start a run"),
        Binding("x", "stop", "Stop"),
        Binding("f5,u", "look_again", "Look again", key_display="f5"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.checkout = ""
        self.status: SetupStatus | None = None
        self._trouble = ""
        self._says: dict[str, str] = {}
        self._asking = False

    def body(self) -> Iterable[Widget]:
        yield TextLine(id="heading")
        yield TextLine(id="where")
        yield RowList(*COLUMNS, id="items", empty="asking the core …")
        yield Static(id="more")

    def on_mount(self) -> None:
        self.query_one("#items").focus()
        self.set_interval(LOOK_S, self._look)

    def place(self) -> str:
        return self.checkout

    @property
    def _items(self) -> RowList:
        return self.query_one("#items", RowList)

    @property
    def _item(self) -> SetupItem | None:
        """The line under the cursor."""
        items = self.status.items if self.status else []
        return next((item for item in items if item.id == self._items.key), None)

    def show_model(self, topics: Topic) -> None:
        if wanted := self.host.starting.checkout.partition("/")[0]:
            self.host.starting.checkout = ""
            self._turn_to(wanted)
        names = [ref.name for ref in self.model.checkouts]
        if self.checkout not in names and names:
            # The first that needs it, else the first of the person's own.
            order = sorted(self.model.checkouts, key=lambda r: (r.builtin, not r.lacks))
            self._turn_to(order[0].name)
        if topics & ~STREAMED:
            self._look()

    def _turn_to(self, name: str) -> None:
        if name != self.checkout:
            self.checkout, self.status, self._trouble = name, None, ""
            self._says.clear()
            self._paint()
            self.refresh_bar()

    def _look(self) -> None:
        up = self.model.core is CoreState.UP
        if self.is_current and self.checkout and up and not self._asking:
            self._asking = True
            self.host.work(self._load(), "setup")

    async def _load(self) -> None:
        """Ask how it stands, and what its runs print. What the core says against it is shown."""
        name, client = self.checkout, self.host.link.client
        try:
            status = await client.ask(calls.status(name))
            for item in status.items:
                if item.run:
                    page = await client.log(item.run, LogQuery(lines=1))
                    self._says[item.run] = page.lines[-1].text if page.lines else ""
        except (NanochatCliError, OSError) as error:
            if name == self.checkout:
                self.status, self._trouble = None, str(error)
        else:
            if name == self.checkout:
                self.status, self._trouble = status, ""
        finally:
            self._asking = False
        if self.is_mounted:
            self._paint()

    def _paint(self) -> None:
        status = self.status
        words, style = summary(status) if status else (self._trouble, "error")
        asking = not (status or self._trouble)
        title = [("Set up  ", "title"), (clean(self.checkout), "bold"), ("  ", "")]
        self.query_one("#heading", TextLine).show([*title, (clean(words), style)])
        ref = next((r for r in self.model.checkouts if r.name == self.checkout), None)
        base = f"models, text and tokenizer in {ref.base_dir}" if ref else ""
        self.query_one("#where", TextLine).show([(clean(base), "muted")])
        rows = [item_row(item) for item in status.items] if status else []
        fresh = not self._items.rows
        self._items.set_rows(rows, empty="asking the core …" if asking else "")
        self._items.styles.height = max(1, len(rows))
        if fresh and status:
            first = next((i for i in status.items if i.state in ("missing", "broken")), None)
            self._items.select(first.id if first else "base")
        self._say_more()

    @on(RowList.Moved, "#items")
    def _say_more(self) -> None:
        """The line in full, and what its run prints: a narrow screen cuts both."""
        item, more = self._item, self.query_one("#more", Static)
        lines = [clean(item.said)] if item else []
        if item and item.todo:
            lines.append(f"⏎ {clean(item.todo)}")
        if item and self._says.get(item.run):
            lines.append(f"▏ {clean(self._says[item.run])}")
        more.update(Content("\n".join(lines)))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop" and self.is_mounted:
            return bool(self._item and self._item.run)
        return True

    @on(RowList.Chosen, "#items")
    def _chosen(self) -> None:
        if self.status is not None and self._item is not None:
            self.host.work(self._do(self.status, self._item), "ask")

    async def _do(self, status: SetupStatus, item: SetupItem) -> None:
        if item.id == "checkout":
            await self._choose()
        else:
            await SetupDesk(self.host).do(status, item)
        self._look()

    def action_choose(self) -> None:
        self._items.action_choose()

    def action_other(self) -> None:
        self.host.work(self._choose(), "ask")

    async def _choose(self) -> None:
        rows = [
            Row(ref.name, ((clean(ref.name), "bold"), (clean(ref.path), "muted")))
            for ref in self.model.checkouts
        ]
        columns = (ListColumn("", 20, keep=9), ListColumn(""))
        screen = ChooseScreen("Which checkout?", columns, rows, self.checkout)
        if name := await self.host.push_screen_wait(screen):
            self._turn_to(name)
            self._look()

    def action_add(self) -> None:
        self.host.work(self._add(), "ask")

    async def _add(self) -> None:
        if name := await SetupDesk(self.host).add():
            self._turn_to(name)
            self._look()

    async def action_start(self) -> None:
        await self.host.action_new_run(self.checkout)

    def action_stop(self) -> None:
        if self._item and self._item.run:
            self.post_message(StopWanted(self._item.run))

    def action_look_again(self) -> None:
        self.host.work(self._look_again(), "setup-anew")

    async def _look_again(self) -> None:
        link = self.host.link
        self.host.tell("asking its Python again …")
        await link.request(link.client.ask(calls.env(self.checkout, anew=True)))
        self._look()
