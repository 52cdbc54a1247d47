"""From the screen to the session and back: what a panel's charts were zoomed and scrolled to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace
from nanochat_sdk.protocol import View

from nanochat_host.ui.modes import REMEMBERED
from nanochat_host.ui.render.chart_layout import ChartView
from nanochat_host.ui.session import KeptView, Session
from nanochat_host.ui.widgets.panel_grid import PanelGrid

if TYPE_CHECKING:
    from textual.worker import Worker

    from nanochat_host.ui.app import NanochatApp
    from nanochat_host.ui.screens.deck_screen import DeckScreen

MAX_VIEWS = 200


def remember(app: NanochatApp) -> Worker[None] | None:
    """Write the session; None when it is on disk already."""
    session = app.session
    if app.model.loaded:
        session.run = app.model.run_id
    session.theme = app.theme
    if app.current_mode in REMEMBERED:
        session.mode = app.current_mode
    if app.dashboard is not None:
        _keep_views(session, app.dashboard)
    raw = msgspec.json.encode(session)
    if app.session_writer.has(raw):
        return None
    return app.work(app.session_writer.write(raw), "session")


def _keep_views(session: Session, dashboard: DeckScreen) -> None:
    if dashboard.deck is None:
        return
    for grid in dashboard.query(PanelGrid):
        for view in grid.views:
            chart, key = view.chart_view, _key(dashboard, grid, view.placement.id)
            kept = KeptView(
                chart.x_start, chart.x_end, chart.log_x, chart.log_y, view.view.smoothing,
                chart.scroll, session.run,
            )  # fmt: skip
            session.views.pop(key, None)
            if kept != KeptView(run=session.run):
                session.views[key] = kept
    for key in list(session.views)[:-MAX_VIEWS]:
        del session.views[key]


def restore_views(session: Session, dashboard: DeckScreen, grid: PanelGrid) -> None:
    """Give the panels of a grid that is about to be shown what they had before. A zoom belongs to
    the run it was made in; scales and smoothing to the panel."""
    for view in grid.views:
        kept = session.views.get(_key(dashboard, grid, view.placement.id))
        if kept is None:
            continue
        chart = ChartView(log_x=kept.log_x, log_y=kept.log_y)
        if kept.run == session.run:
            chart = replace(chart, x_start=kept.x_start, x_end=kept.x_end, scroll=kept.scroll)
        view.chart_view = chart
        view.view = View(chart.x_start, chart.x_end, kept.smoothing)


def _key(dashboard: DeckScreen, grid: PanelGrid, panel: str) -> str:
    assert dashboard.deck is not None
    return f"{dashboard.deck.layout.name}/{grid.spec.id}/{panel}"
