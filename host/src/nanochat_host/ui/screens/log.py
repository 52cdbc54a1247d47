"""The whole log of the run on show: follows, searches, filters by level."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar, Literal

from nanochat_sdk.data import LogPage, LogQuery
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.log_view import LogView
from nanochat_host.ui.controls.search_line import SearchLine
from nanochat_host.ui.controls.tab_strip import TabStrip
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.base import HostScreen

Level = Literal["all", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("all", "warning", "error")
LINES = 500
REFRESH_S = 0.1


class LogScreen(HostScreen):
    """The last lines that match; the core searches the whole log."""

    mode = "log"
    CSS_PATH = "log.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/"),
        Binding("v", "level", "Level"),
        Binding("f", "follow", "Follow"),
        Binding("w", "wrap", "Wrap"),
        Binding("d", "app.show('dashboard')", "Dashboard"),
        Binding("escape", "back", "Back"),
        *(Binding(str(n + 1), f"level_to({n})", show=False) for n in range(len(LEVELS))),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._page = LogPage()
        self._of_run = ""
        self._asked_again = False
        self._loading = False

    def body(self) -> Iterable[Widget]:
        strip = TabStrip(id="levels")
        strip.titles = LEVELS
        yield strip
        yield SearchLine("search the whole log", id="search")
        yield LogView(id="log")

    def on_mount(self) -> None:
        self.query_one("#log", LogView).focus()

    def place(self) -> str:
        page = self._page
        if page.matched == page.total:
            return f"{page.total:,} lines"
        return f"{page.matched:,} of {page.total:,} lines"

    def show_model(self, topics: Topic) -> None:
        if self.model.run_id != self._of_run:
            self._of_run = self.model.run_id
            self._take(LogPage())
        if topics & (Topic.LOG | Topic.CORE):
            self.load()

    def load(self) -> None:
        """Ask for the newest lines; calls made while one is under way become one more."""
        if not self.model.run_id:
            self.query_one("#log", LogView).set_empty("no run on show: r lists the runs")
            return
        self._asked_again = True
        if not self._loading:
            self._loading = True
            self.host.work(self._load(), "log")

    async def _load(self) -> None:
        try:
            while self._asked_again and self.is_current:
                self._asked_again = False
                run_id, query = self.model.run_id, self._query()
                page = await self.host.link.client.log(run_id, query)
                if run_id == self.model.run_id and query == self._query():
                    self._take(page)
                await asyncio.sleep(REFRESH_S)
        except (NanochatCliError, OSError) as error:
            self.query_one("#log", LogView).set_empty(clean(str(error)))
        finally:
            self._loading = False

    def _query(self) -> LogQuery:
        level = LEVELS[self.query_one("#levels", TabStrip).active]
        search = self.query_one("#search", SearchLine).value[:200]
        return LogQuery(lines=LINES, search=search, level=level)

    def _take(self, page: LogPage) -> None:
        self._page = page
        search = self.query_one("#search", SearchLine).value
        log = self.query_one("#log", LogView)
        log.set_empty(f"no line has “{search}”" if search else "nothing printed yet")
        log.set_page(page, search)
        strip = self.query_one("#levels", TabStrip)
        hidden = page.matched - len(page.lines)
        older = f"{hidden:,} older lines not shown · " if hidden > 0 else ""
        strip.note = f"{older}{'following' if log.follow else 'f follows'}"
        self.refresh_bar()

    @on(LogView.FollowChanged)
    def _follow_changed(self) -> None:
        self._take(self._page)

    @on(Input.Changed)
    def _typed(self) -> None:
        self.load()

    @on(Input.Submitted)
    def _done(self) -> None:
        self.query_one("#log", LogView).focus()

    @on(TabStrip.Chosen)
    def _level_chosen(self, message: TabStrip.Chosen) -> None:
        self.action_level_to(message.index)

    def action_search(self) -> None:
        self.query_one("#search", SearchLine).open()

    def action_level(self) -> None:
        strip = self.query_one("#levels", TabStrip)
        self.action_level_to((strip.active + 1) % len(LEVELS))

    def action_level_to(self, index: int) -> None:
        self.query_one("#levels", TabStrip).active = index
        self.load()

    def action_follow(self) -> None:
        self.query_one("#log", LogView).follow = True

    def action_wrap(self) -> None:
        log = self.query_one("#log", LogView)
        log.wrap = not log.wrap

    async def action_back(self) -> None:
        if self.query_one("#search", SearchLine).close():
            self.query_one("#log", LogView).focus()
        else:
            await self.host.action_back()
