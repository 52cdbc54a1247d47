"""A panel on the screen: what it paints, which keys it takes, what it tells the app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_panels import FakeProcess, entries
from nanochat_host.layout.spec import At, Placement, ScreenSpec
from nanochat_host.packs.process import PanelState
from nanochat_host.ui.widgets.panel_grid import PanelGrid
from nanochat_host.ui.widgets.panel_view import PanelView
from nanochat_sdk.payload import Axis, Chart, Column, Payload, Plot, Table, Text, pack
from nanochat_sdk.protocol import KeyHelp, View
from textual import on
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot

XS = [float(i) for i in range(100)]
CHART = Chart(plots=[Plot("loss", pack(XS), pack([5 - x / 25 for x in XS]))], x=Axis("step", "int"))
TABLE = Table([Column("STEP")], [[(str(i), "")] for i in range(9)], selected=3)
SPEC = ScreenSpec(
    "s", "S", 12, 12,
    (
        Placement("loss", "builtin:loss", at=At(0, 0, 12, 9), options={"smoothing": 0.9}),
        Placement("log", "builtin:log", at=At(0, 9, 12, 3)),
    ),
)  # fmt: skip


class Bench(App[None]):
    """One grid with two panels; notes the messages it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Message] = []
        self.grid = PanelGrid(SPEC, entries())
        self.loss, self.log_panel = self.grid.views

    def compose(self) -> ComposeResult:
        yield self.grid

    @on(PanelView.ViewChanged)
    @on(PanelView.Asked)
    @on(PanelView.PromptWanted)
    def _note(self, message: Message) -> None:
        self.got.append(message)

    def told(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.got if isinstance(message, kind)]


def painted(view: PanelView) -> list[str]:
    return [view.render_line(y).text for y in range(view.size.height)]


def give(view: PanelView, payload: Payload | None) -> FakeProcess:
    assert view.entry is not None
    process = FakeProcess(view.entry, payload)
    view.process = process  # type: ignore[assignment]
    view.refresh_from_process()
    return process


@asynccontextmanager
async def running(payload: Payload | None = CHART) -> AsyncIterator[tuple[Bench, Pilot[None]]]:
    app = Bench()
    async with app.run_test(size=(120, 40)) as pilot:
        give(app.loss, payload)
        give(app.log_panel, Text([[("hello", "")]]))
        app.loss.focus()
        await pilot.pause()
        app.got.clear()
        yield app, pilot


async def test_title_status_and_body_in_a_frame_of_its_size() -> None:
    async with running() as (app, _):
        process = give(app.loss, CHART)
        process.status = "stale 40 s"
        app.loss.refresh_from_process()
        rows = painted(app.loss)
        assert len(rows) == app.loss.size.height == 30
        assert all(len(row) == 120 for row in rows)
        assert rows[0].startswith("╭─ Loss ─") and rows[0].endswith("─ stale 40 s ─╮")
        assert rows[-1].startswith("╰─")
        assert app.loss.inner_size == (116, 28)


async def test_only_rows_that_differ_are_painted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Text([[("one", "")], [("two", "")]])) as (app, _pilot):
        regions: list[object] = []
        monkeypatch.setattr(app.loss, "refresh", lambda *a, **k: regions.extend(a))
        process = app.loss.process
        assert process is not None
        app.loss.refresh_from_process()
        assert regions == []
        process.show(Text([[("one", "")], [("two!", "")]]))  # type: ignore[attr-defined]
        app.loss.refresh_from_process()
        assert [(r.y, r.height) for r in regions] == [(2, 1)]  # type: ignore[attr-defined]
        process.show(Text([[("one", "")], [("two!", "")]]))  # type: ignore[attr-defined]
        app.loss.refresh_from_process()
        assert len(regions) == 1


@pytest.mark.parametrize("payload", [None, CHART])
async def test_a_stopped_panel_says_why_and_restarts_with_r(payload: Payload | None) -> None:
    async with running(payload) as (app, pilot):
        process = give(app.loss, payload)
        process.state = PanelState.QUARANTINED
        process.reason = "took longer than 1 s for a frame [/b]"
        app.loss.refresh_from_process()
        text = "\n".join(painted(app.loss))
        assert "took longer than 1 s for a frame [/b]" in text
        assert "Press R to start it again" in text and "stopped ─╮" in text
        await pilot.press("R")
        assert process.restarts == 1
        await pilot.press("R")
        assert process.restarts == 1, "it runs again: R is not for it"


async def test_a_failing_panel_keeps_its_last_picture() -> None:
    async with running() as (app, _):
        process = give(app.loss, CHART)
        process.state = PanelState.BACKOFF
        app.loss.refresh_from_process()
        rows = painted(app.loss)
        assert "failed, trying again" in rows[0]
        assert any("step" in row for row in rows)


async def test_a_panel_that_no_pack_provides() -> None:
    app = Bench()
    app.loss.entry = None
    async with app.run_test(size=(120, 40)):
        assert any("No panel builtin:loss" in row for row in painted(app.loss))


async def test_cursor_keys_read_values_and_tell_the_worker_nothing() -> None:
    async with running() as (app, pilot):
        await pilot.press("left")
        assert "step 99" in painted(app.loss)[1]
        await pilot.press(*["left"] * 20)
        assert "step 99" not in painted(app.loss)[1]
        assert app.told(PanelView.ViewChanged) == []


async def test_zoom_pan_and_reset_tell_the_worker_the_range() -> None:
    async with running() as (app, pilot):
        await pilot.press("+", "+")
        zoomed = app.loss.view
        assert zoomed.x_start is not None and zoomed.x_end is None, "the end is followed"
        await pilot.press("shift+left")
        panned = app.loss.view
        assert panned.x_start < zoomed.x_start and panned.x_end < 99
        assert len(app.told(PanelView.ViewChanged)) == 3
        await pilot.press("shift+right", "shift+right", "shift+right")
        assert app.loss.view.x_end is None
        await pilot.press("-", "-", "-", "-")
        assert app.loss.view == View()
        await pilot.press("+", "s", "0")
        assert app.loss.view == View()


async def test_scales_and_smoothing() -> None:
    async with running() as (app, pilot):
        before = painted(app.loss)
        await pilot.press("l")
        assert app.loss.chart_view.log_y is True and painted(app.loss) != before
        await pilot.press("l", "L")
        assert app.loss.chart_view.log_y is False and app.loss.chart_view.log_x is True
        await pilot.press("s")
        assert app.loss.view.smoothing == 0.95
        await pilot.press("S", "S")
        assert app.loss.view.smoothing == 0.8


async def test_mouse_moves_the_cursor_and_the_wheel_zooms() -> None:
    async with running() as (app, pilot):
        await pilot.hover(app.loss, offset=(60, 10))
        cursor = app.loss.chart_view.cursor_x
        assert cursor is not None and 40 < cursor < 60
        await pilot._post_mouse_events(
            [__import__("textual").events.MouseScrollUp], app.loss, (60, 10)
        )
        assert app.loss.view.x_start > 0 and app.loss.view.x_end < 99


async def test_a_double_click_fills_the_screen() -> None:
    async with running() as (app, pilot):
        await pilot.click(app.loss, offset=(60, 10), times=2)
        assert app.grid.zoomed == "loss"


async def test_a_table_sends_selections() -> None:
    async with running(TABLE) as (app, pilot):
        await pilot.press("down", "enter")
        await pilot.click(app.loss, offset=(5, 2))
        inputs = [i for m in app.told(PanelView.Asked) for i in m.inputs]  # type: ignore[attr-defined]
        assert [(i.kind, i.row) for i in inputs] == [("select", 4), ("activate", 4), ("select", 0)]


async def test_declared_keys_come_first_and_prompts_go_through_the_app() -> None:
    async with running() as (app, pilot):
        process = give(app.loss, CHART)
        process.keys = (KeyHelp("l", "level"), KeyHelp("/", "search", prompt=True))
        app.loss.refresh_from_process()
        await pilot.press("l", "/")
        assert app.loss.chart_view.log_y is None
        (asked,) = app.told(PanelView.Asked)
        assert asked.inputs[0].key == "l"  # type: ignore[attr-defined]
        (wanted,) = app.told(PanelView.PromptWanted)
        app.loss.answer(wanted.key, "nan")  # type: ignore[attr-defined]
        await pilot.pause()
        answer = app.told(PanelView.Asked)[-1].inputs[0]  # type: ignore[attr-defined]
        assert (answer.kind, answer.key, answer.text) == ("prompt", "/", "nan")
        shown = {b.binding.description for b in app.screen.active_bindings.values()}
        assert {"level", "search"} <= shown


async def test_no_panel_keeps_the_keys_that_lead_out_of_it() -> None:
    async with running() as (app, pilot):
        process = give(app.loss, CHART)
        ways_out = ("tab", "escape", "enter", "ctrl+q", "ctrl+p", "f1", "q", "?", "z", "R", " ", "")
        process.keys = tuple(KeyHelp(key, "trap") for key in ways_out)
        app.loss.refresh_from_process()
        assert app.focused is app.loss
        await pilot.press("z", "escape", "enter", "tab")
        assert app.focused is not app.loss
        assert not app.told(PanelView.Asked)
        assert "trap" not in {b.binding.description for b in app.screen.active_bindings.values()}


async def test_without_unicode_everything_is_ascii() -> None:
    async with running() as (app, _):
        app.loss.ascii_only = True
        assert all(row.isascii() for row in painted(app.loss))


async def test_a_new_theme_is_painted_at_once() -> None:
    async with running() as (app, pilot):
        before = app.loss.render_line(3)
        app.theme = "textual-light"
        await pilot.pause()
        assert app.loss.render_line(3) != before


async def test_prebuilt_strips_reach_the_terminal_without_a_pass_of_textual() -> None:
    async with running() as (app, pilot):
        passes: list[object] = []
        app.loss._styles_cache.render_widget = lambda *given: passes.append(given)  # type: ignore[assignment, method-assign, return-value]
        whole = Region(0, 0, *app.loss.size)
        assert app.loss.render_lines(whole) == [
            app.loss.render_line(y) for y in range(whole.height)
        ]
        give(app.loss, Text([[("other", "")]]))
        app.loss.refresh()
        await pilot.pause()
        assert not passes


async def test_a_frame_is_drawn_when_it_is_its_turn_and_not_with_its_neighbour() -> None:
    """Drawn with a neighbour its rows would be taken for painted, and never reach the terminal."""
    async with running() as (app, pilot):
        process = app.log_panel.process
        assert process is not None
        before = painted(app.log_panel)
        process.payload, process.payload_rev = Text([[("goodbye", "")]]), process.payload_rev + 1
        app.loss.refresh()
        app.log_panel.refresh(Region(0, 0, 1, 1))
        await pilot.pause()
        assert painted(app.log_panel) == before
        app.log_panel._repaint_regions.clear()
        app.log_panel.refresh_from_process()
        assert any("goodbye" in row for row in painted(app.log_panel))
        assert app.log_panel._repaint_regions
