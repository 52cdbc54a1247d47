"""The side form sets options while panels run: one worker is started anew, the others are not."""

from __future__ import annotations

from typing import Any

from app_rig import Host, make_run, screen_text, until
from nanochat_host.core import wire
from nanochat_host.ui.edit.form import SideForm
from test_edit_mode import board, editing, saved


def option(host_app: Any, panel: str, name: str) -> Any:
    placed = board(host_app).editor.screen.panel(panel)
    assert placed is not None
    return placed.options[name]


async def test_options_take_effect_at_once_and_for_one_worker(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        grid = board(app).grid
        assert grid is not None
        pids = {v.placement.id: v.process.pid for v in grid.views if v.process}
        editor.choose("loss")
        await pilot.press("enter")
        await until(pilot, lambda: "Weight of the past" in screen_text(app), "the form with help")
        await pilot.press("enter", *["backspace"] * 3, *"0.5")
        await until(pilot, lambda: option(app, "loss", "smoothing") == 0.5, "set while typed")
        loss = editor.view_of("loss")
        assert loss is not None and loss.process is not None
        process = loss.process
        await until(
            pilot, lambda: process.pid not in (None, pids["loss"]) and process.options["smoothing"]
            == 0.5, "a new worker with the option",
        )  # fmt: skip
        await pilot.press("enter", "delete")
        assert option(app, "loss", "smoothing") == 0.9
        after = {v.placement.id: v.process.pid for v in grid.views if v.process}
        assert {k: v for k, v in after.items() if k != "loss"} == {
            k: v for k, v in pids.items() if k != "loss"
        }
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.query(SideForm), "the form is gone")
        assert app.focused is editor.bar


async def test_wrong_values_are_said_and_not_taken(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        editor.choose("loss")
        await pilot.press("enter", "enter", *["backspace"] * 3, *"7")
        await until(pilot, lambda: "smoothing must be at most" in screen_text(app), "why not")
        assert option(app, "loss", "smoothing") == 0.9
        await pilot.press("enter")
        assert app.screen.query_one("#form-value").display, "it is not left with a wrong value"
        await pilot.press("escape")
        assert not app.screen.query_one("#form-value").display
        assert option(app, "loss", "smoothing") == 0.9 and not editor.dirty


async def test_choices_and_switches_need_no_typing(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        editor.choose("loss")
        await pilot.press("enter", "down", "right")
        assert option(app, "loss", "x") == "tokens"
        await pilot.press("left", "down", "space")
        assert (option(app, "loss", "x"), option(app, "loss", "log_y")) == ("step", True)
        await pilot.press("u")
        assert option(app, "loss", "log_y") is False
        await until(pilot, lambda: "‹ no ›" in screen_text(app), "the form follows")


async def test_title_and_rate_are_saved(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        await pilot.press("enter")
        form = app.screen.query_one(SideForm)
        fields = form.query_one("#fields")
        for key, text in (("title", "Mine"), ("refresh_hz", "3")):
            fields.select(key)  # type: ignore[attr-defined]
            await pilot.press("enter", *text, "enter")
        await until(pilot, lambda: "≡ Mine" in screen_text(app), "the title in the frame")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not editor.dirty, "saved")
        placed = saved(host).screens[0].panels[0]
        assert (placed.title, placed.refresh_hz) == ("Mine", 3.0)
        # Each field is one step, however many letters it took.
        await pilot.press("u", "u", "u")
        assert editor.layout.screens[0].panels[0].title == ""
        assert editor.history.undo_name == ""


async def test_a_panel_can_be_pinned_to_another_run(host: Host, monkeypatch: Any) -> None:
    asked: list[str] = []
    query = host.core.query

    async def noted(body: wire.Query) -> wire.QueryResult:
        asked.append(body.run)
        return await query(body)

    monkeypatch.setattr(host.core, "query", noted)
    async with editing(host) as (app, pilot, editor):
        app.model.runs = [*app.model.runs, make_run("20261101-other", name="other")]
        editor.choose("loss")
        await pilot.press("enter")
        app.screen.query_one("#fields").select("source")  # type: ignore[attr-defined]
        await pilot.press("enter", *"other")
        await until(pilot, lambda: "20261101-other  other" in screen_text(app), "a suggestion")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "20261101-other" in asked, "its data is asked for")
        await until(pilot, lambda: "Loss · 20261101-other" in screen_text(app), "said in the frame")
        await pilot.press("delete")
        assert editor.screen.panel("loss").source == ""  # type: ignore[union-attr]


async def test_a_form_that_is_opened_twice_at_once_is_there_once(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        editor.choose("loss")
        editor.open_form()
        editor.open_form()
        await until(pilot, lambda: list(app.screen.query(SideForm)) == [editor.form], "one form")
        editor.close_form()
        editor.open_form()
        await until(pilot, lambda: list(app.screen.query(SideForm)) == [editor.form], "one again")
        assert "Weight of the past" in screen_text(app)
