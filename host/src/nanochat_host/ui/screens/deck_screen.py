"""A screen of panels: the layout's screens as tabs, a grid for each, and what keeps them true."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.errors import NanochatCliError
from nanochat_host.layout.spec import LayoutSpec, ScreenSpec
from nanochat_host.packs.catalog import DEV_VARIABLE
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.log_pane import LogPane
from nanochat_host.ui.controls.tab_strip import TabStrip
from nanochat_host.ui.deck import Deck
from nanochat_host.ui.model import ALL_TOPICS, Topic
from nanochat_host.ui.remembering import restore_views
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.terminal import needs_ascii
from nanochat_host.ui.widgets.panel_grid import PanelGrid
from nanochat_host.ui.widgets.panel_view import PanelView
from nanochat_host.ui.words import run_name

if TYPE_CHECKING:
    from pathlib import Path

    from nanochat_host.ui.edit.editor import Editor
    from nanochat_host.ui.edit.reload import Stamp
    from nanochat_host.ui.stage import Stage

LOOK_EVERY_S = 2.0
"""How often the layout's file is looked at for changes made elsewhere."""


class DeckScreen(HostScreen):
    """A grid is built when its tab is first opened, and kept; only the seen one is served."""

    DEFAULT_CSS = "DeckScreen { layers: default form; }"

    def __init__(self) -> None:
        super().__init__()
        self.stage: Stage | None = None
        self._deck: Deck | None = None
        self._tabs: dict[str, PanelGrid | LogPane] = {}
        self._editor: Editor | None = None
        self.stamp: tuple[Path, Stamp | None] | None = None
        self.packs_stamp: Stamp | None = None
        # Held while the layout's file is written or read and the screen becomes what it says: what
        # is saved here is not taken for a change made elsewhere.
        self.file_turn = asyncio.Lock()

    def body(self) -> Iterable[Widget]:
        yield TabStrip(id="tabs")
        try:
            self._deck = self.host.deck
        except NanochatCliError as error:
            yield Static(Content(clean(str(error))), id="trouble")

    async def on_mount(self) -> None:
        if self._deck is None:
            return
        from nanochat_host.ui.edit.reload import stamp_of
        from nanochat_host.ui.stage import Stage

        self.packs_stamp = stamp_of(self.host.paths.packs_json)
        self.stage = Stage(self.host)
        self.host.feed = self.stage.feed
        await self._open_deck()
        self.call_after_refresh(self._restore)
        self.set_interval(LOOK_EVERY_S, self._look_at_file)
        if folder := os.environ.get(DEV_VARIABLE):
            from nanochat_host.ui.pack_watch import PackWatch

            PackWatch(self, folder)

    async def on_unmount(self) -> None:
        self.host.feed = None
        if self.stage is not None:
            await self.stage.close()

    def on_screen_suspend(self) -> None:
        if self.stage is not None and self.host.current_mode != self.mode:
            self.stage.show(())

    def on_screen_resume(self) -> None:
        if self.stage is not None:
            self.stage.show(self.views)
        self._look_at_packs()

    @property
    def grid(self) -> PanelGrid | None:
        """The grid of the open tab; None while that is the log."""
        seen = next((tab for tab in self._tabs.values() if tab.display), None)
        return seen if isinstance(seen, PanelGrid) else None

    @property
    def views(self) -> list[PanelView]:
        """Panels seen now."""
        grid = self.grid
        return grid.shown() if grid is not None else []

    @property
    def editing(self) -> bool:
        """The layout is being edited."""
        return self._editor is not None and self._editor.active

    @property
    def editor(self) -> Editor:
        """What edits the layout; imported when first wanted."""
        if self._editor is None:
            from nanochat_host.ui.edit.editor import Editor

            self._editor = Editor(self)
        return self._editor

    @property
    def deck(self) -> Deck | None:
        """What is on the screen; None when no layout could be read."""
        return self._deck

    @property
    def unsaved(self) -> bool:
        """There are edits that the file does not have."""
        return self._editor is not None and self._editor.dirty

    def adopt(self, deck: Deck) -> None:
        """The same layout under another name, or as its file has it now."""
        layout, self._deck = deck.layout, deck
        self.apply(layout)

    def editing_anew(self, deck: Deck) -> None:
        """The file was read again: edits begin from it."""
        if self._editor is not None:
            self._editor.begin(deck)

    @property
    def screen_id(self) -> str:
        """Id of the open tab's screen."""
        return next((name for name, tab in self._tabs.items() if tab.display), "")

    def place(self) -> str:
        tabs = self.query_one("#tabs", TabStrip)
        return tabs.titles[tabs.active] if tabs.titles else ""

    def show_model(self, topics: Topic) -> None:
        run = self.model.run
        self.query_one("#tabs", TabStrip).note = clean(run_name(run)) if run else "no run"

    async def use(self, deck: Deck) -> None:
        """Change to another layout: new grids, new workers."""
        if deck is self._deck:
            return
        if self._editor is not None:
            self._editor.close()
            self._editor = None
        self._deck = deck
        old, self._tabs = self._tabs, {}
        if self.stage is not None:
            self.stage.clear()
        for tab in old.values():
            await tab.remove()
        await self._open_deck()
        self._restore()

    def apply(self, layout: LayoutSpec, show: str = "") -> None:
        """Become an edited version of the layout: what it leaves alone goes on undisturbed.

        show: id of the screen to open, default the one that is open.
        """
        if self._deck is None:
            return
        show = show or self.screen_id
        index = next((i for i, found in enumerate(layout.screens) if found.id == show), None)
        if index is None:
            index = min(self.query_one("#tabs", TabStrip).active, len(layout.screens) - 1)
        self._deck = self.host.deck = replace(self._deck, layout=layout)
        with self.app.batch_update():
            for screen_id, tab in list(self._tabs.items()):
                self._apply_tab(screen_id, tab, layout.screen(screen_id))
            tabs = self.query_one("#tabs", TabStrip)
            tabs.titles = tuple(clean(found.title) for found in layout.screens)
            tabs.active = index
        if layout.screens[index].id != self.screen_id:
            self.call_later(self.action_tab, index)
        elif self.stage is not None:
            self.stage.show(self.views)

    def _apply_tab(self, screen_id: str, tab: PanelGrid | LogPane, spec: ScreenSpec | None) -> None:
        views = tab.views if isinstance(tab, PanelGrid) else []
        if spec is None or isinstance(tab, PanelGrid) is not bool(spec.panels):
            del self._tabs[screen_id]
            tab.display = False
            tab.remove()
            if self.stage is not None:
                self.stage.drop(views)
        elif isinstance(tab, PanelGrid) and tab.spec != spec:
            applied = tab.apply(spec)
            if self.stage is not None:
                self.stage.drop(applied.gone)
                self.stage.open(applied.new)
                for view, before in applied.kept:
                    self.stage.update(view, before)

    async def _open_deck(self) -> None:
        if self._deck is None:
            return
        screens = self._deck.layout.screens
        tabs = self.query_one("#tabs", TabStrip)
        tabs.titles = tuple(clean(screen.title) for screen in screens)
        remembered = self.host.session.tabs.get(self._deck.layout.name, "")
        ids = [screen.id for screen in screens]
        zoomed = self.host.session.zoomed
        await self.action_tab(ids.index(remembered) if remembered in ids else 0)
        if self.grid is not None and any(v.placement.id == zoomed for v in self.grid.views):
            self.grid.zoomed = zoomed

    async def action_tab(self, index: int) -> None:
        """Open the tab with that index, from 0."""
        if self._deck is None or index >= len(self._deck.layout.screens):
            return
        spec = self._deck.layout.screens[index]
        self.query_one("#tabs", TabStrip).active = index
        with self.app.batch_update():
            for tab_id, tab in self._tabs.items():
                tab.display = tab_id == spec.id
            if spec.id not in self._tabs:
                await self._add_tab(spec)
        self.host.session.tabs[self._deck.layout.name] = spec.id
        opened = self._tabs[spec.id]
        if self.editing:
            self.editor.opened()
        elif isinstance(opened, PanelGrid):
            opened.views[0].focus(scroll_visible=False)
        else:
            opened.log_view.focus()
            opened.show_model(ALL_TOPICS)
        if self.stage is not None:
            self.stage.show(self.views)
        self.refresh_bar()

    async def _add_tab(self, spec: ScreenSpec) -> None:
        """A screen without panels is the log."""
        tab: PanelGrid | LogPane = LogPane()
        if spec.panels and self._deck is not None:
            tab = PanelGrid(spec, self._deck.catalog.panels, ascii_only=needs_ascii())
            restore_views(self.host.session, self, tab)
            if self.stage is not None:
                # Workers get ready while the grid is laid out and painted.
                self.stage.open(tab.views)
        self._tabs[spec.id] = tab
        await self.mount(tab, after="#tabs")

    def _look_at_file(self) -> None:
        """A layout that somebody writes to is read again, while it is on the screen."""
        if self.is_current and self._deck is not None:
            self._look_at_packs()
            from nanochat_host.ui.edit.reload import reload_if_changed

            if not self.file_turn.locked():  # else it is being read or written this moment
                self.host.work(reload_if_changed(self), "layout-watch")

    def _look_at_packs(self) -> None:
        """Packs may have been installed or granted something, here or in another terminal."""
        from nanochat_host.ui.pack_changes import look_at_packs

        if self._deck is not None:
            self.host.work(look_at_packs(self), "catalog")

    def take_catalog(self, deck: Deck) -> None:
        """The same layout with other packs; whoever calls it starts the panels anew."""
        self._deck = self.host.deck = deck
        for tab in self._tabs.values():
            if isinstance(tab, PanelGrid):
                tab.take_entries(deck.catalog.panels)

    def _restore(self) -> None:
        """Unsaved edits of the last time, if there are any."""
        if self.host.paths.drafts.exists() and self._deck is not None:
            self.editor.unsaved.restore()

    @on(PanelGrid.ShownChanged)
    def _shown_changed(self, message: PanelGrid.ShownChanged) -> None:
        if self.stage is not None and self.is_current and message.grid is self.grid:
            self.stage.show(message.grid.shown())
        if message.grid is self.grid and self._deck is not None:
            self.host.session.zoomed = message.grid.zoomed

    @on(PanelView.ViewChanged)
    def _view_changed(self, message: PanelView.ViewChanged) -> None:
        if self.stage is not None:
            self.stage.feed.redraw(message.panel_view)

    @on(PanelView.Asked)
    def _asked(self, message: PanelView.Asked) -> None:
        if self.stage is not None:
            self.stage.feed.give(message.panel_view, message.inputs)

    @on(TabStrip.Chosen)
    async def _tab_chosen(self, message: TabStrip.Chosen) -> None:
        await self.action_tab(message.index)
