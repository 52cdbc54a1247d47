"""Packs: what is installed, what each may do and uses, and what is wrong with any."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.packs.budget import Budget
from nanochat_host.packs.catalog import Catalog, FoundPack
from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.sanitize import clean
from nanochat_host.packs.state import PanelState
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.edit.reload import Stamp, stamp_of
from nanochat_host.ui.model import Topic
from nanochat_host.ui.pack_changes import look_at_packs
from nanochat_host.ui.packs_desk import PacksDesk
from nanochat_host.ui.packs_view import COLUMNS, Choice, rows
from nanochat_host.ui.screens.base import STREAMED, HostScreen
from nanochat_host.ui.screens.dashboard import DashboardScreen

LOOK_EVERY_S = 1.0
_OF_INSTALLED = frozenset({"update", "toggle_enabled", "remove", "toggle_unsandboxed"})


class PacksScreen(HostScreen):
    """A line for each pack; below it what it may do, and its panels that wait for the person."""

    mode = "packs"
    CSS_PATH = "packs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "install", "Install"),
        Binding("enter", "choose", "Change"),
        Binding("u", "update", "Update"),
        Binding("space,e", "toggle_enabled", "On/off", key_display="space"),
        Binding("R", "restart", "Restart"),
        Binding("delete,D", "remove", "Remove", key_display="del"),
        Binding("w", "toggle_unsandboxed", "Walls"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._catalog: Catalog | None = None
        self._changed: dict[str, str] = {}
        self._stamp: Stamp | None = None
        self._due = self._looking = False

    def body(self) -> Iterable[Widget]:
        yield Static(Content("Packs"), id="heading")
        yield RowList(*COLUMNS, id="packs")

    def on_mount(self) -> None:
        self.query_one("#packs", RowList).focus()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_screen_resume(self) -> None:
        self._stamp = None  # files of packs may have changed, which packs.json does not show
        self._look()

    def place(self) -> str:
        count = len(self._catalog.packs) if self._catalog else 0
        return "1 pack" if count == 1 else f"{count} packs"

    def show_model(self, topics: Topic) -> None:
        if topics & ~STREAMED:
            self._look()

    @property
    def _dashboard(self) -> DashboardScreen | None:
        return self.host.dashboard

    @property
    def desk(self) -> PacksDesk:
        """What carries wishes out."""
        return PacksDesk(self.host, self._look)

    def _look(self) -> None:
        """Bring it up to date; what comes while that is under way is looked at after it."""
        self._due = True
        if self.is_mounted and self.host.current_mode == self.mode and not self._looking:
            self._looking = True
            self.host.work(self._refresh_while_due(), "packs")

    async def _refresh_while_due(self) -> None:
        try:
            while self._due and self.is_attached:
                self._due = False
                await self._refresh()
        finally:
            self._looking = False

    async def _refresh(self) -> None:
        """Read what changed on the disk; the figures are new each time."""
        stamp = await asyncio.to_thread(stamp_of, self.host.paths.packs_json)
        if self._catalog is None or stamp != self._stamp:
            self._stamp = stamp
            self._catalog = await asyncio.to_thread(Catalog.discover, paths=self.host.paths)
            self._changed = await asyncio.to_thread(self._catalog.changed)
            if self._dashboard is not None:
                await look_at_packs(self._dashboard)
        stage = self._dashboard.stage if self._dashboard is not None else None
        supervisor = stage.supervisor if stage is not None else None
        uses = supervisor.uses() if supervisor else {}
        budget = supervisor.budget if supervisor else Budget()
        panels = supervisor.panels if supervisor else []
        levels = {panel.entry.pack.id: panel.level for panel in panels if panel.level is not None}
        listed = self.query_one("#packs", RowList)
        new = rows(self._catalog, uses, budget, levels, self._changed)
        if list(listed.rows) != new:
            listed.set_rows(new)
            self.refresh_bindings()
            self.refresh_bar()

    @property
    def _choice(self) -> Choice | None:
        key = self.query_one("#packs", RowList).key if self.is_mounted else ""
        return Choice.of(key) if key else None

    @property
    def _chosen_pack(self) -> FoundPack | None:
        """The pack the cursor is on, or on a line of."""
        choice = self._choice
        return self._catalog.packs.get(choice.pack) if self._catalog and choice else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "choose":
            what = self._choice.what if self._choice is not None else "pack"
            ours = self._chosen_pack is not None and self._chosen_pack.record is not None
            return what in ("stopped", "error") or (what == "permission" and ours)
        if action == "restart":
            return bool(self._stopped())
        if action in _OF_INSTALLED:
            return self._chosen_pack is not None and self._chosen_pack.record is not None
        return True

    @on(RowList.Moved, "#packs")
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(RowList.Chosen, "#packs")
    def _chosen(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        """Take a permission back or give it again; start what was stopped; read all of an error."""
        choice, pack = self._choice, self._chosen_pack
        if choice is not None and choice.what == "error" and self._catalog is not None:
            error = self._catalog.errors[int(choice.name)]
            self.host.tell(f"{clean(error.message)}\n{clean(error.hint)}", "warning", 15.0)
        if choice is None or pack is None:
            return
        if choice.what == "stopped":
            self.action_restart()
        elif choice.what == "permission" and choice.name and pack.record is not None:
            self.host.work(self.desk.toggle_permission(pack, choice.name), "ask")

    def action_install(self) -> None:
        self.host.work(self.desk.ask_source(), "ask")

    def action_update(self) -> None:
        """Install it again from where it came."""
        if self._chosen_pack is not None and self._chosen_pack.record is not None:
            source = Path(self._chosen_pack.record.source)
            self.host.work(self.desk.install(source), "ask")

    def action_toggle_enabled(self) -> None:
        if (pack := self._chosen_pack) is not None:
            self.host.work(self.desk.set_enabled(pack, not pack.enabled), "ask")

    def action_toggle_unsandboxed(self) -> None:
        if (pack := self._chosen_pack) is not None:
            self.host.work(self.desk.toggle_unsandboxed(pack), "ask")

    def action_remove(self) -> None:
        if (pack := self._chosen_pack) is not None:
            self.host.work(self.desk.remove(pack), "ask")

    def action_restart(self) -> None:
        """Release the pack's panels from quarantine."""
        for panel in self._stopped():
            panel.restart()
        self._look()

    def _stopped(self) -> list[PanelProcess]:
        choice = self._choice
        stage = self._dashboard.stage if self._dashboard is not None else None
        if choice is None or stage is None:
            return []
        return [
            panel
            for panel in stage.supervisor.panels
            if panel.entry.pack.id == choice.pack and panel.state is PanelState.QUARANTINED
        ]
