"""One line asked of the person, at the bottom of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from nanochat_host.ui.screens.dialog import Dialog
from nanochat_host.ui.type_ahead import TypesAhead


class AskScreen(TypesAhead, Dialog[str | None]):
    """Dismissed with the line, or None. value: what stands there at first. help: below the line.
    masked: it is a secret, nothing of it is shown."""

    CSS_PATH = "modal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(
        self, question: str, value: str = "", help: str = "", masked: bool = False
    ) -> None:
        super().__init__(classes="ask")
        self._question = question
        self._value = value
        self._help = help
        self._masked = masked

    def compose(self) -> ComposeResult:
        with Vertical(classes="line"):
            yield Static(Content(self._question), classes="title")
            yield Input(self._value, compact=True, select_on_focus=True, password=self._masked)
            if self._help:
                yield Static(Content(self._help), classes="help")

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        self.dismiss(message.value)
