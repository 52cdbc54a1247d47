"""The question before a pack is installed. The host draws all of it, outside of any panel; what the
pack says about itself is in its own words, and marked so."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from nanochat_host.packs import consent
from nanochat_host.packs.install.offer import Offer
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.screens.dialog import Dialog

_STYLES = {
    "": "$foreground",
    "muted": "$foreground-muted",
    "warning": "$text-warning",
    "success": "$text-success",
    "error": "$text-error",
}
_AGREE = "agree"


class ConsentScreen(Dialog[bool]):
    """Dismissed with whether the person agrees. Enter alone does not: the cursor is on "cancel"."""

    CSS_PATH = "consent.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Cancel"),
        Binding("y", "dismiss(True)", "Agree"),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(self, offer: Offer, level: Level | None) -> None:
        super().__init__()
        self._title = consent.title(offer)
        self._lines = consent.lines(offer, level)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content(self._title), classes="title")
            with VerticalScroll(id="facts", can_focus=False):
                for line in self._lines:
                    label = Static(Content(line.label), classes="label")
                    text = Static(Content.styled(line.text, _STYLES[line.style]), classes="text")
                    yield Vertical(label, text, classes="fact")
            yield RowList(ListColumn("", 4), ListColumn("", 8), ListColumn(""), id="answers")

    def on_mount(self) -> None:
        answers = self.query_one("#answers", RowList)
        agree = (("y", "accent"), ("agree", "bold"), ("install it, with what it may do", "muted"))
        cancel = (("esc", "accent"), ("cancel", "muted"), ("change nothing", "muted"))
        answers.set_rows([Row(_AGREE, agree), Row("cancel", cancel)])
        answers.select("cancel")
        answers.focus()

    @on(RowList.Chosen, "#answers")
    def _chosen(self, message: RowList.Chosen) -> None:
        self.dismiss(message.key == _AGREE)

    def action_page(self, direction: int) -> None:
        """Scroll what does not fit."""
        facts = self.query_one("#facts", VerticalScroll)
        facts.scroll_relative(y=direction * max(1, facts.size.height - 2), animate=False)
