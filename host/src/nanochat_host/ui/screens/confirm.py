"""A question with a few answers, each saying what it does and what it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.screens.dialog import Dialog


@dataclass(frozen=True)
class Choice:
    """id: the answer. key: letter that gives it. label: two words. help: what it does, what it
    loses. style: of the label."""

    id: str
    key: str
    label: str
    help: str = ""
    style: str = ""


class ConfirmScreen(Dialog[str]):
    """Dismissed with the id of a choice, or "" if the person thinks better of it.

    quiet_s: of a question that somebody else brings up, in front of whatever the person is doing:
    enter alone cancels, and nothing else counts until so many seconds have passed without a key,
    because the keys before were not meant for it.
    """

    CSS_PATH = "modal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "Cancel")]

    def __init__(
        self, title: str, text: str, choices: Sequence[Choice], *, quiet_s: float | None = None
    ) -> None:
        super().__init__()
        self._quiet_s = quiet_s
        self._heard_at = 0.0
        self._title = title
        self._text = text
        self._choices = (*choices, Choice("", "escape", "cancel", "change nothing", "muted"))

    def compose(self) -> ComposeResult:
        width = max(len(choice.label) for choice in self._choices)
        with Vertical(classes="box"):
            yield Static(Content(self._title), classes="title")
            if self._text:
                yield Static(Content(self._text), classes="text")
            yield RowList(ListColumn("", 4), ListColumn("", width), ListColumn(""), id="choices")

    def on_mount(self) -> None:
        choices = self.query_one("#choices", RowList)
        choices.styles.height = len(self._choices)
        choices.set_rows(
            [
                Row(
                    choice.id or "cancel",
                    (
                        ("esc" if choice.key == "escape" else choice.key, "accent"),
                        (choice.label, choice.style or "bold"),
                        (choice.help, "muted"),
                    ),
                )
                for choice in self._choices
            ]
        )
        # Enter alone never loses anything.
        safe = next(choice for choice in self._choices if choice.style != "error")
        choices.select(safe.id if safe.id and self._quiet_s is None else "cancel")
        choices.focus()
        self._heard_at = time.monotonic()

    def _too_soon(self) -> bool:
        heard_at, self._heard_at = self._heard_at, time.monotonic()
        return self._heard_at - heard_at < (self._quiet_s or 0.0)

    @on(RowList.Chosen, "#choices")
    def _chosen(self, message: RowList.Chosen) -> None:
        if not self._too_soon():
            self.dismiss("" if message.key == "cancel" else message.key)

    def on_key(self, event: events.Key) -> None:
        chosen = next((one for one in self._choices if event.character == one.key), None)
        if chosen is None:
            if event.key != "enter":  # which comes again, as a choice
                self._heard_at = time.monotonic()
            return
        event.stop()
        if not self._too_soon():
            self.dismiss(chosen.id)
