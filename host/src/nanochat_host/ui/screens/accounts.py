"""Where the run's telemetry comes from and how that stands, and the accounts it may need."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.core import calls_outside as calls
from nanochat_host.core.secrets.kinds import BY_ENV, KINDS
from nanochat_host.core.wire_outside import (
    AccountInfo,
    ImportTokens,
    Login,
    OtlpStatus,
    SourceInfo,
)
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui import accounts_view
from nanochat_host.ui.controls.row_list import Row, RowList
from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.base import STREAMED, HostScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen
from nanochat_host.ui.words import run_name

LOOK_S = 2.0


class AccountsScreen(HostScreen):
    """A token is typed into a masked line, handed to the core, and nowhere kept here."""

    mode = "accounts"
    CSS_PATH = "accounts.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Log in"),
        Binding("c", "check", "Check"),
        Binding("i", "import", "Import"),
        Binding("delete,f", "forget", "Forget", key_display="del"),
        Binding("y", "copy_page", "Copy link"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.accounts: list[AccountInfo] = []
        self.sources: list[SourceInfo] = []
        self.otlp = OtlpStatus([])
        self.checked: dict[str, tuple[bool, str]] = {}
        self._asking = False

    def body(self) -> Iterable[Widget]:
        yield TextLine(id="heading")
        yield RowList(*accounts_view.COLUMNS, id="list", empty="asking the core …")
        yield Static(id="more")

    def on_mount(self) -> None:
        self.query_one("#list").focus()
        self.set_interval(LOOK_S, self._look)

    def place(self) -> str:
        return ""

    @property
    def _rows(self) -> RowList:
        return self.query_one("#list", RowList)

    @property
    def page(self) -> str:
        """The run's page at W&B, "" if there is none."""
        return next((info.page for info in self.sources if info.page), "")

    def show_model(self, topics: Topic) -> None:
        if topics & ~STREAMED:
            self._look()
        elif self.accounts:
            self._paint()

    def _look(self) -> None:
        if self.is_current and not self._asking:
            self._asking = True
            self.host.work(self._load(), "accounts")

    async def _load(self) -> None:
        link, run_id = self.host.link, self.model.run_id
        ask = link.client.ask
        try:
            accounts = await link.request(ask(calls.accounts()))
            if accounts is None:
                return
            wanted = ask(calls.sources(run_id)) if run_id else None
            sources = await link.request(wanted) if wanted else []
            otlp = await link.request(ask(calls.otlp()))
        finally:
            self._asking = False
        self.accounts, self.sources, self.otlp = accounts, sources or [], otlp or self.otlp
        if self.is_mounted:
            self._paint()

    def _paint(self) -> None:
        now, run = time.time(), self.model.run
        whose = clean(run_name(run)) if run else "no run on show"
        pieces = [("Health, sources, accounts  ", "title"), (whose, "muted")]
        self.query_one("#heading", TextLine).show(pieces)
        parts = self.model.health
        gap = Row("", ())
        rows = [accounts_view.heading("Health"), *accounts_view.health_rows(parts)]
        rows += [gap, accounts_view.heading("Sources of this run")]
        if run is None:
            rows.append(Row("", (("", ""), ("none: r chooses a run", "muted"))))
        else:
            rows += accounts_view.source_rows(self.sources, parts, now)
            rows.append(accounts_view.page_row(self.page))
        rows += [gap, accounts_view.heading("Received here; enter sends a test span")]
        rows += accounts_view.listener_rows(self.otlp)
        rows += [gap, accounts_view.heading("Accounts")]
        rows += accounts_view.account_rows(self.accounts, self.checked, now)
        first = not self._rows.rows
        self._rows.set_rows(rows)
        if first and self.accounts:
            self._rows.select(f"account:{self.accounts[0].account}")
        self._say_more()
        self.refresh_bindings()

    @on(RowList.Moved, "#list")
    def _say_more(self) -> None:
        """The row under the cursor in full: reasons are longer than a line on a narrow screen."""
        rows = self._rows
        row = rows.rows[rows.cursor] if 0 <= rows.cursor < len(rows.rows) else Row("", ())
        more = self.query_one("#more", Static)
        more.display = bool(row.key)
        more.update(Content("  ".join(text for text, _ in row.cells[1:] if text)))
        self.refresh_bindings()

    @property
    def _account(self) -> AccountInfo | None:
        kind, _, name = self._rows.key.partition(":")
        if kind != "account":
            return None
        return next((info for info in self.accounts if info.account == name), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in {"check", "forget"} and self.is_mounted:
            account = self._account
            return account is not None and bool(account.where)
        return bool(self.page) if action == "copy_page" else True

    @on(RowList.Chosen, "#list")
    def _chosen(self, message: RowList.Chosen) -> None:
        kind, _, name = message.key.partition(":")
        if kind == "account":
            self._log_in(name)
        elif kind == "otlp":
            self.host.work(self._prove(), "ask")
        elif kind == "page":
            self.action_copy_page()

    def action_choose(self) -> None:
        """Log in, send a test span, copy the link: what the row under the cursor offers."""
        self._rows.action_choose()

    def _log_in(self, name: str) -> None:
        kind = KINDS[name]

        def answered(token: str | None) -> None:
            if token and token.strip():
                self.host.work(self._send(Login(name, token, origin="typed in")), "ask")

        help_line = f"from {kind.page}; it is checked there, then kept where only you can read it"
        self.app.push_screen(AskScreen(f"token for {kind.title}", "", help_line, True), answered)

    async def _send(self, wish: Login) -> None:
        link = self.host.link
        info = await link.request(link.client.ask(calls.login(wish)))
        if info is not None:
            self.checked[info.account] = (True, info.checked_as)
            self.host.tell(f"logged in to {info.title} as {clean(info.checked_as)}")
            self._look()

    async def _prove(self) -> None:
        link = self.host.link
        status = await link.request(link.client.ask(calls.check_otlp()))
        if status is not None:
            self.otlp = status
            self._paint()

    def action_check(self) -> None:
        """Ask the service whose token it is."""
        if self._account is not None:
            self.host.work(self._check(self._account), "ask")

    async def _check(self, account: AccountInfo) -> None:
        try:
            info = await self.host.link.client.ask(calls.check_account(account.account))
            self.checked[account.account] = (True, info.checked_as)
        except (NanochatCliError, OSError) as error:
            self.checked[account.account] = (False, str(error))
        if self.is_mounted:
            self._paint()

    def action_import(self) -> None:
        """Take tokens over from .netrc, .mc_env, .env and this terminal's variables."""
        self.host.work(self._import(), "ask")

    async def _import(self) -> None:
        folders = [str(Path.cwd()), *(ref.path for ref in self.model.checkouts if not ref.builtin)]
        environ = {name: value for name, value in os.environ.items() if name in BY_ENV}
        wish = ImportTokens(folders=folders, environ=environ)
        link = self.host.link
        found = await link.request(link.client.ask(calls.import_tokens(wish)))
        if found is None:
            return
        lines = [
            f"{KINDS[token.account].title}: {'saved' if token.saved else 'left'}, "
            f"from {clean(token.origin)}{'; ' + clean(token.warning) if token.warning else ''}"
            for token in found
        ]
        none = "no token was found in .netrc, .mc_env, .env or the environment"
        warned = any(token.warning for token in found) or not found
        self.host.tell("\n".join(lines) or none, "warning" if warned else "information", 8.0)
        self._look()

    def action_forget(self) -> None:
        """Remove a token, after a question."""
        if self._account is not None:
            self.host.work(self._forget(self._account), "ask")

    async def _forget(self, account: AccountInfo) -> None:
        choice = Choice("forget", "y", "forget", "runs to come start without it", "error")
        text = f"It was kept in the {account.where}; the service itself is not told."
        title = f"Forget the token for {account.title}?"
        if await self.app.push_screen_wait(ConfirmScreen(title, text, [choice])) != "forget":
            return
        link = self.host.link
        if await link.request(link.client.ask(calls.forget_account(account.account))) is not None:
            self.checked.pop(account.account, None)
            self._look()

    def action_copy_page(self) -> None:
        """The W&B link, to the clipboard."""
        if self.page:
            self.app.copy_to_clipboard(self.page)
            self.host.tell(f"copied {clean(self.page)}")
