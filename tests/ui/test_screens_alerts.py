"""Alerts, what to do about them, and limits that are changed while a run goes on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from app_rig import Host, make_run, screen_text, toasts, until
from ask_core import AskCore
from nanochat_host.core.calls import Call
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_outside import AlertTest, ChangeAlerts, RaisedAlert
from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.ask import AskScreen

LADDER = "try --device-batch-size=16, then 8, then 4: the total batch stays the same"


def alert(rule: str, message: str, *, until_s: float = 0.0, hint: str = "") -> RaisedAlert:
    return RaisedAlert("one", "first", rule, "error", message, hint, 7, 1000.0, until_s)


@pytest.fixture
def core() -> AskCore:
    core = AskCore()
    core.run_list = [make_run("one", name="first")]
    limits = AlertLimits()

    def change(call: Call[Any]) -> AlertLimits:
        changes = msgspec.json.decode(call.body, type=ChangeAlerts).changes
        for name, value in changes.items():
            if value == "many":
                raise UsageError("alerts: Expected `float`, got `str` - at `$.spike`")
            usual = getattr(AlertLimits(), name)
            setattr(limits, name, usual if value is None else value)
        return limits

    core.answers |= {
        "GET /v1/alerts": lambda call: msgspec.structs.replace(limits),
        "POST /v1/alerts": change,
        "GET /v1/alerts/raised": [
            alert("out_of_memory", "CUDA out of memory\x1b[31m", hint=LADDER),
            alert("stalled", "no step for 60 s", until_s=1060.0),
        ],
        "POST /v1/alerts/test": RefusedError("no command is set", "set one"),
    }
    return core


async def opened(app: Any, pilot: Any) -> RowList:
    await until(pilot, lambda: app.model.run_id == "one", "the run on show")
    await app.action_show("alerts")
    await until(pilot, lambda: app.screen.alerts, "the alerts")
    rows: RowList = app.screen.query_one("#list", RowList)
    return rows


async def test_an_alert_says_what_to_do(host: Host) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await opened(app, pilot)
        await until(pilot, lambda: LADDER[:40] in screen_text(app), "the ladder")
        text = screen_text(app)
        assert "Active: 1" in text and "out of memory" in text and "\x1b" not in text
        assert "for 1m" in text, "how long the one that is over lasted"
        assert rows.key.startswith("alert:one:out_of_memory")
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "dashboard", "its run")


async def test_a_limit_is_changed_refused_and_put_back(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        rows = await opened(app, pilot)
        rows.select("limit:spike")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "the question")
        await pilot.press("6", "enter")
        await until(pilot, lambda: "6 (default 8)" in screen_text(app), "the new limit")
        assert app.screen.limits.spike == 6
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "the question")
        await pilot.press(*"many", "enter")
        await until(pilot, lambda: any("Expected `float`" in t for t in toasts(app)), "why not")
        assert app.screen.limits.spike == 6
        await pilot.press("backspace")
        await until(pilot, lambda: app.screen.limits.spike == 8.0, "the default")


async def test_rules_bell_and_command(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 60)) as pilot:
        rows = await opened(app, pilot)
        rows.select("rule:slow")
        await pilot.press("space")
        await until(pilot, lambda: app.screen.limits.off == ["slow"], "a rule off")
        await until(pilot, lambda: "off, throughput fell" in screen_text(app), "it is said")
        await pilot.press("space")
        await until(pilot, lambda: app.screen.limits.off == [], "and on")
        rows.select("limit:bell")
        await pilot.press("space")
        await until(pilot, lambda: app.screen.limits.bell is True, "the bell")
        rows.select("test")
        await pilot.press("enter")
        await until(pilot, lambda: any("no command is set" in t for t in toasts(app)), "why not")
        core.answers["POST /v1/alerts/test"] = AlertTest(3, "no such\x1b]0;x\x07 host")
        await pilot.press("enter")
        await until(pilot, lambda: any("exit code 3" in t for t in toasts(app)), "the result")
        assert not any("\x1b" in text for text in toasts(app))


async def test_one_run_or_all(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        assert core.paths("GET")[-1] == "/v1/alerts/raised?run=one"
        await pilot.press("w")
        await until(pilot, lambda: core.paths("GET")[-1] == "/v1/alerts/raised?run=", "all runs")
        await until(pilot, lambda: "all runs" in screen_text(app), "it is said")


async def test_a_core_that_is_away_leaves_what_is_known(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        core.up = False
        await pilot.press("w")
        await until(pilot, lambda: toasts(app), "it is said")
        assert "out of memory" in screen_text(app)
