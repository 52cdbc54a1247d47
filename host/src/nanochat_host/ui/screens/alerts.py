"""What is wrong, what was, what to do about it; and the limits that decide, changed live."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.core import calls_outside as calls
from nanochat_host.core.wire_alerts import DEFAULTS, MEANINGS, AlertLimits
from nanochat_host.core.wire_outside import ChangeAlerts, RaisedAlert
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui import alerts_view
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.messages import ShowRun
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.words import run_name

LOOK_S = 2.0
COMMAND_HELP = "for example: notify-send nanochat; the message is its last argument; empty: none"


class AlertsScreen(HostScreen):
    """Alerts of the run on show, or with `w` of all that are under way or ended lately."""

    mode = "alerts"
    HEALTH = True
    CSS_PATH = "alerts.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Change"),
        Binding("space", "switch", "On/off"),
        Binding("backspace", "reset", "Default"),
        Binding("w", "whose", "All runs"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[RaisedAlert] = []
        self.limits = DEFAULTS
        self._all_runs = self._asking = False

    def body(self) -> Iterable[Widget]:
        yield TextLine(id="heading")
        yield RowList(*alerts_view.COLUMNS, id="list", empty="asking the core …")
        yield Static(id="todo")

    def on_mount(self) -> None:
        self.query_one("#list").focus()
        self.set_interval(LOOK_S, self._look)

    def place(self) -> str:
        active = sum(not alert.until for alert in self.alerts)
        return f"{active} active" if active else "all quiet"

    @property
    def _rows(self) -> RowList:
        return self.query_one("#list", RowList)

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUN | Topic.RUNS | Topic.CORE):
            self._look()

    def _look(self) -> None:
        if self.is_current and not self._asking:
            self._asking = True
            self.host.work(self._load(), "alerts")

    async def _load(self) -> None:
        client, run_id = self.host.link.client, "" if self._all_runs else self.model.run_id
        try:
            limits = await self.host.link.request(client.ask(calls.alert_limits()))
            if limits is None:
                return
            found = await self.host.link.request(client.ask(calls.raised_alerts(run_id)))
        finally:
            self._asking = False
        self.alerts, self.limits = found or [], limits
        self._paint()

    def _paint(self) -> None:
        if not self.is_mounted:
            return
        several = self._all_runs or not self.model.run_id
        run = self.model.run
        whose = "all runs" if several or run is None else clean(run_name(run))
        self.query_one("#heading", TextLine).show([("Alerts  ", "title"), (whose, "muted")])
        rows = alerts_view.rows(self.alerts, self.limits, time.time(), several)
        self._rows.set_columns(*(alerts_view.NAMED if several else alerts_view.COLUMNS))
        self._rows.set_rows(rows)
        self._say_what_to_do()
        self.refresh_bar()

    @on(RowList.Moved, "#list")
    def _say_what_to_do(self) -> None:
        alert, (kind, _, name) = self._alert, self._rows.key.partition(":")
        text = ""
        if alert is not None:
            text = clean(alert.message)
            if alert.hint:
                text += f"\n→ {clean(alert.hint)}"
        elif kind == "limit":
            usual = alerts_view.value_words(getattr(DEFAULTS, name)) or "none"
            text = f"{name}: {MEANINGS[name]}; default {usual}"
        todo = self.query_one("#todo", Static)
        todo.display = bool(text)
        todo.update(Content(text))

    @property
    def _alert(self) -> RaisedAlert | None:
        key = self._rows.key
        return next((a for a in self.alerts if alerts_view.alert_key(a) == key), None)

    @on(RowList.Chosen, "#list")
    def _chosen(self, message: RowList.Chosen) -> None:
        kind, _, name = message.key.partition(":")
        if kind == "test":
            self.host.work(self._test(), "ask")
        elif kind == "limit" and name == "bell":
            self._change(name, not self.limits.bell)
        elif kind == "limit":
            self._ask(name)
        elif kind == "rule":
            self.action_switch()
        elif (alert := self._alert) is not None:
            self.post_message(ShowRun(alert.run))

    def action_choose(self) -> None:
        """Change a limit, run the test, open the run of an alert."""
        self._rows.action_choose()

    def action_switch(self) -> None:
        """Switch the rule under the cursor, or the bell, on or off."""
        kind, _, name = self._rows.key.partition(":")
        if kind == "rule":
            off = [rule for rule in self.limits.off if rule != name]
            self._change("off", off if name in self.limits.off else [*off, name])
        elif name == "bell":
            self._change(name, not self.limits.bell)

    def action_reset(self) -> None:
        """The limit under the cursor as it is by default."""
        kind, _, name = self._rows.key.partition(":")
        if kind == "limit":
            self._change(name, None)

    def action_whose(self) -> None:
        """All runs, or the one on show."""
        self._all_runs = not self._all_runs
        self._look()

    def _ask(self, name: str) -> None:
        value = getattr(self.limits, name)
        usual = f"{MEANINGS[name]}; default {alerts_view.value_words(getattr(DEFAULTS, name))}"
        help_line = COMMAND_HELP if name == "command" else usual

        def answered(text: str | None) -> None:
            if text is not None:
                self._change(name, text if name == "command" else _number(text))

        question = AskScreen(f"{name} =", alerts_view.value_words(value), help_line)
        self.app.push_screen(question, answered)

    def _change(self, name: str, value: Any) -> None:
        self.host.work(self._send(ChangeAlerts({name: value})), "alerts")

    async def _send(self, change: ChangeAlerts) -> None:
        """A refused value is said by the core's own words, and nothing changes."""
        link = self.host.link
        limits: AlertLimits | None = await link.request(
            link.client.ask(calls.change_alerts(change))
        )
        if limits is not None:
            self.limits = limits
            self._paint()

    async def _test(self) -> None:
        link = self.host.link
        result = await link.request(link.client.ask(calls.test_alert()))
        if result is not None:
            said = f"\n{clean(result.output)}" if result.output else ""
            text = f"the command ended with exit code {result.exit_code}{said}"
            self.host.tell(text, "error" if result.exit_code else "information")


def _number(text: str) -> float | str:
    """A number if it is one; the core says what is wrong with anything else."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
