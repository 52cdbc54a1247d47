"""The report card: what evaluations measured, across stages, from all that says so."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.core import calls_checkpoints as calls
from nanochat_host.core.wire_checkpoints import ReportCard
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui import card_view
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.screens.choose import ChooseScreen


class CardScreen(HostScreen):
    """Of the checkout of the run on show, else of the first that is not built in."""

    mode = "card"
    CSS_PATH = "card.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "checkout", "Checkout"),
        Binding("f5", "look", "Look again"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.card = ReportCard("", [])
        self.checkout = ""
        self._asked = ""

    def body(self) -> Iterable[Widget]:
        yield TextLine(id="heading")
        yield RowList(ListColumn("measure"), id="card", empty="asking the core …")
        yield Static(id="origins")

    def on_mount(self) -> None:
        self.query_one("#card").focus()

    def on_screen_resume(self) -> None:
        self._asked = ""
        super().on_screen_resume()

    def place(self) -> str:
        return clean(self.card.checkout)

    @property
    def _rows(self) -> RowList:
        return self.query_one("#card", RowList)

    def show_model(self, topics: Topic) -> None:
        if self.model.loaded and self._wanted() != self._asked:
            self.action_look()

    def _wanted(self) -> str:
        run, refs = self.model.run, self.model.checkouts
        names = [ref.name for ref in refs]
        of_run = run.checkout if run is not None and run.checkout in names else ""
        theirs = next((ref.name for ref in refs if not ref.builtin), "")
        return self.checkout or of_run or theirs or next(iter(names), "")

    def action_look(self) -> None:
        """Ask again: a new evaluation may have ended."""
        self._asked = self._wanted()
        if self._asked:
            self.host.work(self._load(self._asked), "card")

    async def _load(self, checkout: str) -> None:
        link = self.host.link
        card = await link.request(link.client.ask(calls.report_card(checkout)))
        if card is not None and self.is_mounted and checkout == self._asked:
            self.card = card
            self._paint()

    def _paint(self) -> None:
        card = self.card
        name = clean(card.checkout)
        self.query_one("#heading", TextLine).show([("Report card  ", "title"), (name, "muted")])
        self._rows.set_columns(*card_view.columns(card))
        empty = f"nothing was evaluated in {name} yet: run base_eval or chat_eval"
        self._rows.set_rows(card_view.rows(card, self.size.width), empty=empty)
        self._say_origins()
        self.refresh_bar()

    @on(RowList.Moved, "#card")
    def _say_origins(self) -> None:
        kind, _, measure = self._rows.key.partition(":")
        told = card_view.origins(self.card, measure, time.time()) if kind == "measure" else ""
        origins = self.query_one("#origins", Static)
        origins.display = bool(told)
        origins.update(Content(told))

    def on_resize(self) -> None:
        if self.card.checkout:
            self._paint()

    def action_checkout(self) -> None:
        """Another checkout's card."""
        rows = [
            Row(ref.name, ((clean(ref.name), "bold"), (clean(ref.base_dir or ref.path), "muted")))
            for ref in self.model.checkouts
        ]
        columns = (ListColumn("checkout", 20), ListColumn("base folder"))
        self.app.push_screen(ChooseScreen("Whose card?", columns, rows, self._asked), self._use)

    def _use(self, name: str | None) -> None:
        if name:
            self.checkout = name
            self.action_look()
