"""Runs side by side: marks in the run list, one chart, axes, groups, what differs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from app_rig import Host, make_run, screen_text, toasts, until
from ask_core import AskCore
from nanochat_host.core.calls import Call
from nanochat_host.core.wire_compare import (
    ComparedRun,
    CompareRuns,
    Comparison,
    Difference,
    SharedMetric,
)
from nanochat_host.ui import compare_view
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.choose import ChooseScreen
from nanochat_host.ui.screens.compare import CompareScreen
from nanochat_host.ui.widgets.chart_pane import ChartPane
from nanochat_sdk.testing import series

SCALES = {"step": 1.0, "tokens": 1024.0, "flops": 1e9, "time": 0.5}
NASTY = "\x1b]0;gotcha\x07[@click=app.quit]c[/]"


def answer(call: Call[Any]) -> Comparison:
    """Three runs as the core compares them; the third says nothing of its FLOPs."""
    wish = msgspec.msgpack.decode(call.body, type=CompareRuns)
    metric = wish.metric or "train/loss"
    runs = []
    for place, run_id in enumerate(wish.runs):
        facts = make_run(run_id, name=NASTY if run_id == "c" else run_id, state="done").facts
        run = ComparedRun(facts, points=50)
        if run_id == "c" and wish.x == "flops":
            run.note = "did not say how many FLOPs a token takes"
        else:
            found = series(metric, [4.0 - place - step / 50 for step in range(50)])
            xs = [x * SCALES[wish.x] for x in found.xs()]
            run.series = msgspec.structs.replace(found, x=_packed(xs))
            run.last = run.best = (xs[-1], 4.0 - place - 49 / 50)
        runs.append(run)
    metrics = [SharedMetric("train/loss", "nats/token", len(runs)), SharedMetric("val/bpb", "", 2)]
    depth = ["4", "6", "4"][: len(runs)]
    differs = [Difference("depth", depth)] if len(set(depth)) > 1 else []
    return Comparison("s1", metric, "nats/token", True, runs, metrics, differs)


def _packed(values: list[float]) -> bytes:
    from nanochat_sdk.payload import pack

    return pack(values)


@pytest.fixture
def core() -> AskCore:
    core = AskCore()
    core.answers["POST /v1/compare"] = answer
    core.run_list = [
        make_run(run_id, name=run_id, state="done", created_at=float(at))
        for at, run_id in enumerate("cba", 1)
    ]
    return core


def wishes(core: AskCore) -> list[CompareRuns]:
    return [
        msgspec.msgpack.decode(call.body, type=CompareRuns)
        for call in core.asked
        if call.path == "/v1/compare"
    ]


async def open_three(app: Any, pilot: Any) -> CompareScreen:
    """Mark all runs in the list and compare them."""
    await until(pilot, lambda: app.model.loaded, "the lists")
    await app.action_show("runs")
    rows = app.screen.query_one("#runs", RowList)
    await until(pilot, lambda: len(rows.rows) == 3, "all rows")
    await pilot.press("space", "space", "space", "m")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen), "the screen")
    await until(pilot, lambda: app.screen.found.runs, "an answer")
    screen: CompareScreen = app.screen
    return screen


async def test_marked_runs_are_seen_in_one_chart(host: Host, core: AskCore) -> None:
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_three(app, pilot)
        await pilot.pause()
        assert wishes(core)[-1].runs == ["a", "b", "c"]
        text = screen_text(app)
        assert "train/loss nats/token  by step" in text and "depth" in text
        labels = [plot.label for plot in screen.query_one(ChartPane).chart.plots]
        assert labels[:2] == ["a", "b"] and "\x1b" not in labels[2]
        assert "\x1b" not in text and "gotcha" in text, "a name is text, never a command"
        rows = screen.query_one("#legend", RowList).rows
        assert [row.key for row in rows] == ["a", "b", "c"]
        assert [row.cells[3][0] for row in rows] == ["3.02", "2.02", "1.02"]


async def test_an_axis_that_a_run_does_not_know_is_said(host: Host, core: AskCore) -> None:
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_three(app, pilot)
        for axis in ("tokens", "flops"):
            await pilot.press("a")
            await until(pilot, lambda axis=axis: wishes(core)[-1].x == axis, axis)
        await until(pilot, lambda: "how many FLOPs a token" in screen_text(app), "the note")
        chart = screen.query_one(ChartPane).chart
        assert len(chart.plots) == 2 and chart.x.label == "FLOPs"


async def test_zoom_asks_for_that_range_and_smoothing_asks_nobody(
    host: Host, core: AskCore
) -> None:
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_three(app, pilot)
        before = screen.query_one(ChartPane).chart.plots[0].y
        asked = len(wishes(core))
        await pilot.press("s")
        await until(pilot, lambda: "smoothed 0.5" in screen_text(app), "smoothing")
        assert screen.query_one(ChartPane).chart.plots[0].y != before
        assert len(wishes(core)) == asked
        await pilot.press("+")
        await until(pilot, lambda: wishes(core)[-1].start is not None, "a range")
        await pilot.press("0")
        await until(pilot, lambda: wishes(core)[-1].start is None, "the whole range")


async def test_another_metric_is_chosen_by_a_part_of_its_name(host: Host, core: AskCore) -> None:
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await open_three(app, pilot)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen), "the chooser")
        await pilot.press(*"bpb", "enter")
        await until(pilot, lambda: wishes(core)[-1].metric == "val/bpb", "the metric")


async def test_groups_share_a_colour_and_hidden_runs_have_no_curve(
    host: Host, core: AskCore
) -> None:
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_three(app, pilot)
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen), "the chooser")
        await pilot.press(*"dep", "enter")
        await until(pilot, lambda: screen.choice.group == "depth", "the group")
        plots = {plot.label: plot.style for plot in screen.query_one(ChartPane).chart.plots}
        assert set(plots) == {"depth 4", "depth 6"} and len(set(plots.values())) == 2
        await until(pilot, lambda: "grouped by depth" in screen_text(app), "the heading")
        await pilot.press("space")
        await until(pilot, lambda: len(screen.query_one(ChartPane).chart.plots) == 2, "hidden")
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "dashboard", "its dashboard")


async def test_live_runs_are_asked_again_and_ended_ones_are_not(
    host: Host, core: AskCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanochat_host.ui.screens.compare.LOOK_S", 0.02)

    def alive(call: Call[Any]) -> Comparison:
        found = answer(call)
        found.runs[0].live = sum(bool(wish.seen) for wish in wishes(core)) < 3
        found.stamp = f"s{len(wishes(core))}"
        return found

    core.answers["POST /v1/compare"] = alive
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_three(app, pilot)
        again = lambda: [wish.seen for wish in wishes(core) if wish.seen]  # noqa: E731
        await until(pilot, lambda: len(again()) >= 3, "questions while it goes on")
        assert all(seen.startswith("s") for seen in again())
        await until(pilot, lambda: not app.screen.found.runs[0].live, "the end")
        asked = len(wishes(core))
        for _ in range(5):
            await pilot.pause(0.02)
        assert len(wishes(core)) == asked, "nothing goes on: nothing is asked"


async def test_one_mark_is_not_enough_and_nothing_is_said_politely(
    host: Host, core: AskCore
) -> None:
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await app.action_show("runs")
        await pilot.press("m")
        await until(pilot, lambda: toasts(app), "what to do")
        assert "mark two or more" in toasts(app)[0] and app.current_mode == "runs"
        core.run_list = []
        await app.action_show("compare")
        await until(pilot, lambda: len(wishes(core)) == 1, "without marks: the two newest")
        assert wishes(core)[0].runs == ["a", "b"]


def test_columns_that_do_not_fit_are_said() -> None:
    runs = [ComparedRun(make_run(str(n)).facts) for n in range(8)]
    found = Comparison("s", "m", runs=runs, differs=[Difference("depth", list("12345678"))])
    assert "5 more" in compare_view.difference_rows(found, 100)[-1].cells[0][0]
    assert len(compare_view.difference_rows(found, 200)) == 1


async def test_without_marks_the_newest_runs_with_a_loss_are_compared(
    host: Host, core: AskCore
) -> None:
    core.run_list[-1].loss = None  # `a`, the newest one: a stage that trains nothing
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await app.action_show("compare")
        await until(pilot, lambda: wishes(core), "the question")
        assert wishes(core)[0].runs == ["b", "c"]
