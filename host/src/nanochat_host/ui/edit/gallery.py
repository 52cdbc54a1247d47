"""The gallery: every panel of every installed pack, each with a live preview on the run on show."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nanochat_sdk.capabilities import parse_permission, sentence
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from nanochat_host.layout.spec import Placement
from nanochat_host.packs.catalog import BUILTIN, PanelEntry
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.screens.dialog import Dialog
from nanochat_host.ui.terminal import needs_ascii
from nanochat_host.ui.type_ahead import TypesAhead
from nanochat_host.ui.widgets.panel_view import PanelView

if TYPE_CHECKING:
    from nanochat_host.ui.screens.deck_screen import DeckScreen

PREVIEW_AFTER_S = 0.12
"""A panel that the cursor only passes gets no worker."""


class Gallery(TypesAhead, Dialog[str | None]):
    """Dismissed with "pack:panel", or None."""

    CSS_PATH = "gallery.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(8)", show=False),
        Binding("pageup", "move(-8)", show=False),
    ]

    def __init__(self, dashboard: DeckScreen) -> None:
        super().__init__()
        self._dashboard = dashboard
        self._catalog = dashboard.host.deck.catalog
        self._preview: PanelView | None = None
        self._timer: Timer | None = None
        self._seen = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content("Add a panel"), classes="title")
            with Horizontal():
                with Vertical(id="left"):
                    yield Input(placeholder="type to search", compact=True)
                    yield RowList(ListColumn("", 0, keep=9), ListColumn("", 9), id="panels")
                with Vertical(id="right"):
                    yield Static(id="about")
                    yield Vertical(id="preview")
            yield Static(Content("enter adds it   esc cancels"), classes="keys")

    def on_mount(self) -> None:
        self.query_one("#panels", RowList).can_focus = False
        self._list("")
        self.query_one(Input).focus()

    def on_unmount(self) -> None:
        self._end_preview()

    def _entries(self, word: str) -> list[PanelEntry]:
        """Those that have the word in title, id, help or pack, in this order; the built-in
        ones first."""
        word = word.strip().lower()
        found = [
            entry
            for entry in self._catalog.panels.values()
            if word
            in f"{entry.panel.title} {entry.name} {entry.panel.help} {entry.pack.title}".lower()
        ]

        def rank(entry: PanelEntry) -> tuple[bool, bool, bool, str, str]:
            title = entry.panel.title.lower()
            named = word in f"{title} {entry.name}".lower()
            return (
                not (word and title.startswith(word)),
                not named,
                entry.pack.id != BUILTIN,
                entry.pack.id,
                title,
            )

        return sorted(found, key=rank)

    def _list(self, word: str) -> None:
        rows = [
            Row(entry.name, ((clean(entry.panel.title), ""), (clean(entry.pack.id), "muted")))
            for entry in self._entries(word)
        ]
        panels = self.query_one("#panels", RowList)
        panels.set_rows(rows, empty=f"no panel has “{clean(word)}”")
        if rows:
            panels.select(rows[0].key)  # the best match, not the row of the word before
        else:
            self._look_at("")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._list(message.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        if key := self.query_one("#panels", RowList).key:
            self.dismiss(key)

    @on(RowList.Chosen, "#panels")
    def _chosen(self, message: RowList.Chosen) -> None:
        self.dismiss(message.key)

    @on(RowList.Moved, "#panels")
    def _moved(self, message: RowList.Moved) -> None:
        self._look_at(message.row_list.key)  # what was typed meanwhile may have changed the list

    def _look_at(self, name: str) -> None:
        """Say what that panel is, and show it a moment later."""
        if name == self._seen:
            return
        self._seen = name
        self._end_preview()
        if self._timer is not None:
            self._timer.stop()
        entry = self._catalog.panels.get(name)
        self.query_one("#about", Static).update(Content(_about(entry) if entry else ""))
        if entry is None:
            return
        self._timer = self.set_timer(PREVIEW_AFTER_S, lambda: self._begin_preview(entry))

    def _begin_preview(self, entry: PanelEntry) -> None:
        """A worker of its own, on the run on show; ended with the preview."""
        stage = self._dashboard.stage
        if stage is None or not self.is_mounted:
            return
        view = PanelView(Placement("preview", entry.name), entry)
        view.set_reactive(PanelView.ascii_only, needs_ascii())
        view.can_focus = False
        self._preview = view
        self.query_one("#preview", Vertical).mount(view)
        stage.show([*self._dashboard.views, view])

    def _end_preview(self) -> None:
        view, self._preview = self._preview, None
        stage = self._dashboard.stage
        if view is not None and stage is not None:
            stage.drop([view])
            view.remove()

    @on(PanelView.ViewChanged)
    def _resized(self, message: PanelView.ViewChanged) -> None:
        if self._dashboard.stage is not None:
            self._dashboard.stage.feed.redraw(message.panel_view)

    def action_move(self, rows: int) -> None:
        """Move the cursor while the search has the keys."""
        self.query_one("#panels", RowList).action_move(rows)


def _about(entry: PanelEntry) -> str:
    """What it shows, whose it is, what it may do."""
    rights = [sentence(parse_permission(str(right))) for right in entry.panel.capabilities]
    lines = [
        entry.panel.help,
        f"{entry.pack.title} {entry.pack.version}",
        "It may: " + " ".join(rights) if rights else "It needs no permission.",
    ]
    return "\n".join(clean(line) for line in lines)
