"""What every full screen has: the key line, the status bar, and news only while it is seen."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.key_line import KeyLine
from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.model import ALL_TOPICS, Model, Topic
from nanochat_host.ui.screens.dialog import BearsClicks
from nanochat_host.ui.terminal import needs_ascii
from nanochat_host.ui.widgets.health_strip import HealthStrip
from nanochat_host.ui.widgets.status_bar import StatusBar
from nanochat_host.ui.words import status_words

if TYPE_CHECKING:
    from textual.timer import Timer

    from nanochat_host.ui.app import NanochatApp

NEWS_PERIOD_S = 0.25
"""What is not a panel (status bar, lists) follows a run at most this often."""
STREAMED = Topic.RUN | Topic.MACHINE | Topic.LOG
"""Topics that may change with every step; the others are shown at once."""


class HostScreen(BearsClicks, Screen[None]):
    """Subclasses give `body` and `show_model`. mode: its name in the status bar."""

    BLANK = True
    """Nothing is drawn on the screen itself; Textual paints it behind every change of a widget."""

    HEALTH: ClassVar[bool] = False
    """A line on how the run on show and its machine fare, above the key line, which is at one
    place on every screen."""

    mode: ClassVar[str] = ""

    def __init_subclass__(cls, **arguments: Any) -> None:
        # Before Textual merges them: each gets an id, by which a keymap can move it.
        cls.BINDINGS = with_ids(cls.mode, list(cls.__dict__.get("BINDINGS", ())))
        super().__init_subclass__(**arguments)

    def __init__(self) -> None:
        super().__init__()
        self._missed = ALL_TOPICS
        self._shown_at = 0.0
        self._later: Timer | None = None
        self.bar = StatusBar()
        self.bar.set_reactive(StatusBar.ascii_only, needs_ascii())
        self.strip = HealthStrip() if self.HEALTH else None

    @property
    def host(self) -> NanochatApp:
        """The app, by its own type."""
        return cast("NanochatApp", self.app)

    @property
    def model(self) -> Model:
        """What is known from the core."""
        return self.host.model

    def body(self) -> Iterable[Widget]:
        """The screen's own widgets, above the key line."""
        return ()

    def show_model(self, topics: Topic) -> None:
        """Bring the screen up to date; called only while it is seen."""

    def place(self) -> str:
        """Where in the screen the person is, for the status bar."""
        return self.mode

    @property
    def hides_own_keys(self) -> bool:
        """Something on it has the keys that matter now: the key line leaves out the screen's."""
        return False

    def compose(self) -> ComposeResult:
        yield from self.body()
        if self.strip is not None:
            yield self.strip
        yield KeyLine()
        yield self.bar

    async def action_back(self) -> None:
        """Esc: the screen before this one, unless there is something on it to leave first."""
        await self.host.action_back()

    @on(events.Mount)
    def _subscribe(self) -> None:
        self.host.changed.subscribe(self, self._news)

    @on(HealthStrip.Asked)
    async def _health_asked(self, message: HealthStrip.Asked) -> None:
        await self.host.action_show("alerts" if message.key == "alerts" else "accounts")

    @on(events.ScreenSuspend)
    @on(events.ScreenResume)
    def _covered(self) -> None:
        for line in self.query(KeyLine):
            line.refresh()

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._missed = ALL_TOPICS
            self._show()

    def _news(self, topics: Topic) -> None:
        """At once when it has been quiet, else with what else comes in the meantime: a run of a
        thousand steps a second must not paint the status bar as often."""
        self._missed |= topics
        if self._later is not None or not self.is_current:
            return
        wait = self._shown_at + NEWS_PERIOD_S - monotonic()
        if wait <= 0 or topics & ~STREAMED:
            self._show()
        else:
            self._later = self.set_timer(wait, self._show_later)

    def _show_later(self) -> None:
        self._later = None
        if self.is_current:
            self._show()

    def _show(self) -> None:
        topics, self._missed = self._missed, Topic(0)
        self._shown_at = monotonic()
        self.show_model(topics)
        self.refresh_bar()

    def refresh_bar(self) -> None:
        """Write the status bar anew; unchanged parts are not painted."""
        model, bar = self.model, self.bar
        if self.strip is not None:
            self.strip.show(model.health)
        bar.mode = self.mode
        bar.run_text = clean(status_words(model.run))
        bar.screen_text = clean(self.place())
        bar.trouble = clean(model.trouble)
        bar.gpu = clean(model.gpu)
        bar.core_state = model.core.value
        bar.wandb_state = model.wandb
