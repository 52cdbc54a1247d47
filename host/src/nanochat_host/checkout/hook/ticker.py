"""The object behind `__nanochat_cli__`: what the instrumented loop calls."""

from __future__ import annotations

import time
import traceback
from array import array
from collections.abc import Callable
from typing import Any

from .events import EventWriter
from .facts import known_facts
from .names import OCCASIONAL
from .rows import Rows, number
from .signals import StopSignal
from .steering import Steering
from .transform import Report

MAX_DURATIONS = 4096
MAX_FAILURES = 20
ACTION_PARTS = ("time/eval", "time/save", "time/sample")


class Ticker:
    """One per loop. Its public methods never raise: a failure of ours is noted, and after
    MAX_FAILURES of them reporting stops while the training goes on."""

    def __init__(
        self,
        report: Report,
        events: EventWriter,
        steering: Steering,
        signals: StopSignal,
        begins: Callable[[Ticker], None] = lambda ticker: None,
    ) -> None:
        """begins: told when the loop does."""
        self._begins = begins
        self._events = events
        self._steering = steering
        self._signals = signals
        self._report = report
        self._steady = [i for i, part in enumerate(report.parts) if part not in ACTION_PARTS]
        self._seldom = [i for i, part in enumerate(report.parts) if part in ACTION_PARTS]
        self._rows = Rows(
            [v for v in report.variables if v != report.step and v not in OCCASIONAL],
            [report.parts[i] for i in self._steady],
        )
        self._occasional = {v: m for v, m in OCCASIONAL.items() if v in report.variables}
        self._last_value: dict[str, Any] = {}
        # Ranks evaluate together, so all of them keep this, also those that report nothing.
        self._evaluated = not self._occasional
        self._teed: set[str] = set()
        self._spent = [0.0] * len(report.parts)
        self._eval_part = report.parts.index("time/eval") if "time/eval" in report.parts else 0
        self._marked = 0.0
        self._durations = array("d")
        self._failures = 0
        self.ticks = 0
        self.step: int | None = None
        self.running = False
        self.lr = 1.0

    # What the instrumented script asks.

    def want(self, action: str) -> bool:
        """Whether this iteration is to do it though its schedule says no."""
        return self._steering.want(action)

    def may(self, action: str) -> bool:
        """Whether a scheduled evaluation or sampling is to happen: not on the way out, except for
        a first evaluation, whose result the save may need."""
        return not self._steering.stopping or (action == "eval" and not self._evaluated)

    def stopping(self) -> bool:
        return self._steering.stopping

    def saving(self) -> bool:
        return self._steering.stopping or self._steering.want("save", peek=True)

    def leaving(self) -> bool:
        return self._steering.leaving

    # What the instrumented script tells.

    def mark(self, part: int) -> None:
        """Charge the time since the last mark to a part of the step."""
        now = time.perf_counter()
        self._spent[part] += now - self._marked
        self._marked = now

    def tick(self, scope: dict[str, Any]) -> None:
        """The loop's top: report the iteration that ended, then look for commands."""
        began = time.perf_counter()
        if self.ticks == 0:
            self._guarded(self._begin, scope)
        else:
            self._spent[0] += began - self._marked
            self._evaluated = self._evaluated or self._spent[self._eval_part] > 0
            self._guarded(self._report_iteration, scope)
            if not self.running:
                self._guarded(self._take_up)
        step = scope.get(self._report.step, self.ticks)
        self.step = step if isinstance(step, int) else self.ticks
        self._guarded(self._steering.take, scope, self.step)
        self.lr = self._steering.lr
        self.ticks += 1
        self._spent = [0.0] * len(self._spent)
        self._marked = time.perf_counter()
        if len(self._durations) == MAX_DURATIONS:
            del self._durations[: MAX_DURATIONS // 2]
        self._durations.append(self._marked - began - self._steering.waited)

    def finished(self, scope: dict[str, Any]) -> None:
        """The loop ended by itself: its last iteration has no next loop top to report it."""
        if self.ticks:
            self._spent[0] += time.perf_counter() - self._marked
            self._guarded(self._report_iteration, scope)

    def left(self) -> None:
        """The loop is over, whatever the reason: no command and no SIGTERM is waited for."""
        self.running = False
        self._signals.release()
        self._guarded(self._steering.end)

    def teed(self, data: dict[str, float], step: int | None) -> None:
        """Numbers the script gave to wandb: reported unless the next row has them anyway."""
        known = set(self._rows.reported()) if self.running else set()
        news = {name: value for name, value in data.items() if name not in known}
        self._teed.update(news)
        if news:
            self._events.emit("metric", self.step if step is None else step, **news)

    def hook_us_p50(self) -> float:
        """Median cost of a tick in microseconds."""
        ordered = sorted(self._durations[1:])
        return round(1e6 * ordered[len(ordered) // 2], 1) if ordered else 0.0

    # Inside.

    def _guarded(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:
            self._failures += 1
            if self._failures <= MAX_FAILURES:
                last = traceback.format_exc(limit=-2)
                self._events.emit("log", text=f"hook: {last}", level="error")

    def _begin(self, scope: dict[str, Any]) -> None:
        self._take_up()
        self._last_value = {v: scope[v] for v in self._occasional if scope.get(v) is not None}
        self._evaluated = self._evaluated or bool(self._last_value)
        facts, args = known_facts(scope)
        step = scope.get(self._report.step)
        self._events.state(
            "loop_start", step if type(step) is int else None, facts=facts, args=args
        )

    def _take_up(self) -> None:
        """What `left` lets go of: a loop in a function is entered again at each call."""
        self.running = True
        self._begins(self)
        # First of all: the other ranks wait in there for this one.
        self._steering.connect()
        self._signals.catch()

    def _report_iteration(self, scope: dict[str, Any]) -> None:
        if not self._events.path or self._failures > MAX_FAILURES:
            return
        step, spent = self.step or 0, self._spent
        parts = [spent[i] for i in self._steady]
        self._events.write(self._rows.line(scope, time.time(), step, parts))
        seldom = {self._report.parts[i]: spent[i] for i in self._seldom if spent[i]}
        for variable, metric in self._occasional.items():
            value = scope.get(variable)
            if value is not self._last_value.get(variable):
                self._last_value[variable] = value
                if metric not in self._teed and (plain := number(value)) is not None:
                    seldom[metric] = plain
        if seldom:
            self._events.emit("metric", step, **seldom)
        self._teed.clear()
