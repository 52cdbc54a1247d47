"""The panels of the dashboard behind the screen: their workers, and the feed that serves them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nanochat_sdk.errors import OptionError
from nanochat_sdk.protocol import Act

from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.supervisor import Supervisor
from nanochat_host.ui.feed import Feed
from nanochat_host.ui.messages import ActsWanted, Failure
from nanochat_host.ui.model import CoreState
from nanochat_host.ui.panel_requests import PanelRequests
from nanochat_host.ui.slot import Shown, Slot

if TYPE_CHECKING:
    from nanochat_host.layout.spec import Placement
    from nanochat_host.ui.app import NanochatApp
    from nanochat_host.ui.widgets.panel_view import PanelView

logger = logging.getLogger(__name__)


class Stage:
    """Opens a worker for a panel when it is first seen, and keeps it for the next time."""

    def __init__(self, app: NanochatApp) -> None:
        self._app = app
        self._supervisor = Supervisor(self._changed, launched=app.launched)
        self._slots: dict[PanelView, Slot] = {}
        self.feed = Feed(app.link.query, self._acts, lambda: app.pressed.at)
        self._requests = PanelRequests(app.link, self.feed)
        self.feed.set_run(app.model.run_id)
        self.feed.set_up(app.model.core is CoreState.UP)

    @property
    def supervisor(self) -> Supervisor:
        """What runs the workers, for figures of what they use."""
        return self._supervisor

    async def close(self) -> None:
        """End all workers."""
        self.feed.close()
        self._requests.close()
        await self._supervisor.close()

    def clear(self) -> None:
        """Close all panels; another layout follows."""
        self.show(())
        for slot in self._slots.values():
            self._supervisor.discard(slot.process)
        self._slots.clear()

    def open(self, views: Sequence[PanelView]) -> None:
        """Start workers for panels that are about to be shown."""
        for view in views:
            self._slot(view)

    def show(self, views: Sequence[PanelView]) -> None:
        """These panels are seen now, no others."""
        self.feed.show([slot for view in views if (slot := self._slot(view)) is not None])

    def _slot(self, view: PanelView) -> Slot | None:
        slot = self._slots.get(view)
        if slot is None and view.entry is not None:
            placement, entry = view.placement, view.entry
            try:
                granted = self._app.deck.catalog.granted(entry)
                process = self._supervisor.open(entry, placement.options, granted)
            except OptionError as error:
                self._app.post_message(Failure(f"{placement.panel}: {error}", "see the layout"))
                return None
            view.process = process
            hz = placement.refresh_hz or entry.panel.refresh_hz
            slot = self._slots[view] = Slot(view, process, 1.0 / hz, placement.source)
        return slot

    def drop(self, views: Iterable[PanelView]) -> None:
        """These panels are gone from the layout; their workers end."""
        for view in views:
            slot = self._slots.pop(view, None)
            if slot is not None:
                self.feed.forget(slot)
                self._supervisor.discard(slot.process)

    def update(self, view: PanelView, before: Placement) -> None:
        """The panel's placement was edited: its worker is started anew if the options are others,
        and left alone otherwise."""
        slot, now = self._slots.get(view), view.placement
        if slot is None:
            return
        slot.period_s = 1.0 / (now.refresh_hz or slot.process.entry.panel.refresh_hz)
        slot.run = now.source
        if now.options != before.options:
            slot.process.set_options(now.options)
            slot.process.restart()
        if now.source != before.source:
            view.source_gone = False
            self.feed.redraw(view)

    def _changed(self, process: PanelProcess) -> None:
        self.feed.changed(process)
        self._requests.serve(process)

    def _acts(self, panel: Shown, acts: list[Act]) -> None:
        for view, slot in self._slots.items():
            if slot.panel is panel:
                granted = frozenset(str(right) for right in slot.process.granted)
                title = view.placement.title or slot.process.entry.panel.title
                wanted = ActsWanted(
                    view.placement.panel, title, granted, acts, slot.process.prompted
                )
                self._app.post_message(wanted)
