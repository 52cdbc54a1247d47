"""The log of the run on show: follows, searches, filters by level."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from nanochat_sdk.data import LogPage, LogQuery
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.log_view import LogView
from nanochat_host.ui.controls.search_line import SearchLine
from nanochat_host.ui.controls.tab_strip import TabStrip
from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.model import ALL_TOPICS, Topic

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

Level = Literal["all", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("all", "warning", "error")
LINES = 500
REFRESH_S = 0.1


class LogPane(Vertical):
    """The last lines that match; the core searches the whole log."""

    DEFAULT_CSS = "LogPane { height: 1fr; } LogPane LogView { margin: 1 0 0 0; }"
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "log",
        [
            Binding("slash", "search", "Search", key_display="/"),
            Binding("v", "level", "Level"),
            Binding("f", "follow", "Follow"),
            Binding("w", "wrap", "Wrap"),
            Binding("escape", "close_search", show=False),
        ],
    )

    class Loaded(Message):
        """Other lines are shown than before."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = TabStrip()
        self.levels.set_reactive(TabStrip.titles, LEVELS)
        self.search = SearchLine("search the whole log", id="search")
        self.log_view = LogView(id="log")
        self._page = LogPage()
        self._of_run = ""
        self._asked_again = False
        self._loading = False

    @property
    def host(self) -> NanochatApp:
        """The app, by its own type."""
        return cast("NanochatApp", self.app)

    @property
    def counted(self) -> str:
        """How many lines there are, and how many of them match."""
        page = self._page
        if page.matched == page.total:
            return f"{page.total:,} lines"
        return f"{page.matched:,} of {page.total:,} lines"

    def compose(self) -> ComposeResult:
        yield self.levels
        yield self.search
        yield self.log_view

    def on_mount(self) -> None:
        self.host.changed.subscribe(self, self.show_model)
        self.show_model(ALL_TOPICS)

    def show_model(self, topics: Topic) -> None:
        """Bring it up to date, if it is seen."""
        if not self.display or not self.screen.is_current:
            return
        if self.host.model.run_id != self._of_run:
            self._of_run = self.host.model.run_id
            self._take(LogPage())
        if topics & (Topic.LOG | Topic.CORE):
            self.load()

    def load(self) -> None:
        """Ask for the newest lines; calls made while one is under way become one more."""
        if not self.host.model.run_id:
            self.log_view.set_empty("no run on show: r lists the runs")
            return
        self._asked_again = True
        if not self._loading:
            self._loading = True
            self.host.work(self._load(), "log")

    async def _load(self) -> None:
        try:
            while self._asked_again and self.is_attached:
                self._asked_again = False
                run_id, query = self.host.model.run_id, self._query()
                page = await self.host.link.client.log(run_id, query)
                if run_id == self.host.model.run_id and query == self._query():
                    self._take(page)
                await asyncio.sleep(REFRESH_S)
        except (NanochatCliError, OSError) as error:
            self.log_view.set_empty(clean(str(error)))
        finally:
            self._loading = False

    def _query(self) -> LogQuery:
        level = LEVELS[self.levels.active]
        return LogQuery(lines=LINES, search=self.search.value[:200], level=level)

    def _take(self, page: LogPage) -> None:
        self._page = page
        word, log = self.search.value, self.log_view
        log.set_empty(f"no line has “{word}”" if word else "nothing printed yet")
        log.set_page(page, word)
        hidden = page.matched - len(page.lines)
        older = f"{hidden:,} older lines not shown · " if hidden > 0 else ""
        self.levels.note = f"{older}{'following' if log.follow else 'f follows'}"
        self.post_message(self.Loaded())

    @on(LogView.FollowChanged)
    def _follow_changed(self) -> None:
        self._take(self._page)

    @on(Input.Changed)
    def _typed(self) -> None:
        self.load()

    @on(Input.Submitted)
    def _done(self) -> None:
        self.log_view.focus()

    @on(TabStrip.Chosen)
    def _level_chosen(self, message: TabStrip.Chosen) -> None:
        message.stop()
        self.set_level(message.index)

    def set_level(self, index: int) -> None:
        """Show lines of `LEVELS[index]` and above."""
        self.levels.active = index
        self.load()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is ours only while the search line is open."""
        return self.search.display if action == "close_search" else True

    def action_search(self) -> None:
        self.search.open()

    def action_close_search(self) -> None:
        self.search.close()
        self.log_view.focus()

    def action_level(self) -> None:
        self.set_level((self.levels.active + 1) % len(LEVELS))

    def action_follow(self) -> None:
        self.log_view.follow = True

    def action_wrap(self) -> None:
        self.log_view.wrap = not self.log_view.wrap
