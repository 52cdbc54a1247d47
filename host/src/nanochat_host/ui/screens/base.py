"""What every full screen has: the key line, the status bar, and news only while it is seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.key_line import KeyLine
from nanochat_host.ui.model import ALL_TOPICS, Model, Topic
from nanochat_host.ui.terminal import needs_ascii
from nanochat_host.ui.widgets.status_bar import StatusBar
from nanochat_host.ui.words import status_words

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp


class HostScreen(Screen[None]):
    """Subclasses give `body` and `show_model`. mode: its name in the status bar."""

    mode: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self._missed = ALL_TOPICS
        self.bar = StatusBar()
        self.bar.set_reactive(StatusBar.ascii_only, needs_ascii())

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

    def compose(self) -> ComposeResult:
        yield from self.body()
        yield KeyLine()
        yield self.bar

    @on(events.Mount)
    def _subscribe(self) -> None:
        self.host.changed.subscribe(self, self._news)

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._show(self._missed | ALL_TOPICS)

    def _news(self, topics: Topic) -> None:
        if self.is_current:
            self._show(topics)
        else:
            self._missed |= topics

    def _show(self, topics: Topic) -> None:
        self._missed = Topic(0)
        self.show_model(topics)
        self.refresh_bar()

    def refresh_bar(self) -> None:
        """Write the status bar anew; unchanged parts are not painted."""
        model, bar = self.model, self.bar
        bar.mode = self.mode
        bar.run_text = clean(status_words(model.run))
        bar.screen_text = clean(self.place())
        bar.trouble = clean(model.trouble)
        bar.gpu = clean(model.gpu)
        bar.core_state = model.core.value
        bar.wandb_state = model.wandb
