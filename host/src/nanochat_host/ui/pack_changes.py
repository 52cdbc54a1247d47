"""Packs that change under an open dashboard: only the panels they concern are started anew."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from nanochat_host.packs.catalog import Catalog
from nanochat_host.ui.edit.reload import stamp_of
from nanochat_host.ui.widgets.panel_grid import PanelGrid
from nanochat_host.ui.widgets.panel_view import PanelView

if TYPE_CHECKING:
    from nanochat_host.ui.screens.deck_screen import DeckScreen


async def look_at_packs(dashboard: DeckScreen) -> None:
    """Take over what was installed, removed, granted or revoked since the last look, here or in
    another terminal."""
    stamp = await asyncio.to_thread(stamp_of, dashboard.host.paths.packs_json)
    if dashboard.deck is None or stamp == dashboard.packs_stamp:
        return
    dashboard.packs_stamp = stamp
    catalog = await asyncio.to_thread(Catalog.discover, paths=dashboard.host.paths)
    if dashboard.is_attached and dashboard.deck is not None:
        use_catalog(dashboard, catalog)


def use_catalog(dashboard: DeckScreen, catalog: Catalog) -> None:
    """Show the dashboard with these packs."""
    assert dashboard.deck is not None
    before = dashboard.deck.catalog
    dashboard.take_catalog(replace(dashboard.deck, catalog=catalog))
    stage = dashboard.stage
    for grid in dashboard.query(PanelGrid):
        for view in grid.views:
            name = view.placement.panel
            old, new = before.panels.get(name), catalog.panels.get(name)
            had = before.granted(old) if old else None
            if old == new and had == (catalog.granted(new) if new else None):
                continue
            if stage is not None:
                stage.drop([view])
            _give(view, catalog)
            if stage is not None:
                stage.open([view])
            view.repaint()
    if stage is not None and dashboard.is_current:
        stage.show(dashboard.views)


def _give(view: PanelView, catalog: Catalog) -> None:
    view.entry = catalog.panels.get(view.placement.panel)
    view.process = None
