"""Alert rules that packs declare: one comparison on one statistic, or a line of the log."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import isfinite
from typing import Any

from nanochat_sdk import format as fmt
from nanochat_sdk.declare import AlertDeclaration, Declarations

from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.rules import Finding, Look, newest

Breaks = Callable[[float, float], bool]
_OPS: dict[str, Breaks] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_OF_STAT = {"value": "", "rate": " a second", "repeats": ": equal points", "age": ": age in s"}
_SLOT = re.compile(r"\{(\w+)\}")
MOST = 4096
"""Points looked back at."""


@dataclass(frozen=True)
class PackRule:
    """pack: its id."""

    pack: str
    about: AlertDeclaration

    @property
    def name(self) -> str:
        """ "pack:rule", by which it is switched off and its value set."""
        return f"{self.pack}:{self.about.id}"

    @property
    def condition(self) -> str:
        """What it waits for, for people. The value is told apart, since they may change it."""
        about = self.about
        if about.log:
            return f"log: {about.log}"
        points = f" for {about.for_points} points" if about.for_points > 1 else ""
        seconds = f" for {about.for_s:g} s" if about.for_s else ""
        always = " at every point" if about.always else ""
        return f"{about.metric}{_OF_STAT[about.stat]} {about.op}{always}{points}{seconds}"

    def judge(self, look: Look) -> Finding | None:
        """What is wrong, or None."""
        if self.about.log:
            return self._seen(look)
        value = self._value(look, look.limits.packs.get(self.name, self.about.value))
        if value is None:
            return None
        said = f"{value:.4g}" if abs(value) < 1e4 else fmt.number(value)
        return self._finding({"value": said})

    def _finding(self, said: Mapping[str, Any]) -> Finding:
        title = _SLOT.sub(lambda slot: str(said.get(slot[1], slot[0]))[:200], self.about.title)
        return Finding(self.about.severity, title, self.about.hint)

    def _seen(self, look: Look) -> Finding | None:
        sighting = look.run.mapped.seen.get(self.name)
        if sighting is None or (self.about.for_s and look.now - sighting.ts >= self.about.for_s):
            return None
        return self._finding(sighting.said)

    def _value(self, look: Look, limit: float) -> float | None:
        """The value that breaks the limit; None if the limit holds, or nothing can be told."""
        column = look.run.store.columns.get(self.about.metric or "")
        if column is None or not len(column):
            return None
        breaks = _OPS[self.about.op]
        if self.about.stat == "value":
            return column.last_value if self._holds(column, breaks, limit) else None
        value: float | None
        if self.about.stat == "age":
            value = look.now - column.last_ts if look.run.live else None
        elif self.about.stat == "rate":
            value = _rate(column, self.about.for_s)
        else:
            value = _repeats(column)
        return value if value is not None and breaks(value, limit) else None

    def _holds(self, column: Column, breaks: Breaks, limit: float) -> bool:
        """Whether the comparison is true for as long as the rule wants."""
        about = self.about
        if about.always:
            return len(column) >= about.for_points and _always(column, breaks, limit)
        values = newest(column, about.for_points)
        if about.for_s:
            times, values = newest(column, MOST, 1), newest(column, MOST)
            start = column.last_ts - about.for_s
            if times[0] > start:
                return False  # it has not been that long
            values = [value for at, value in zip(times, values, strict=True) if at >= start]
        return len(values) >= about.for_points and all(breaks(value, limit) for value in values)


def pack_rules(packs: Sequence[tuple[str, Declarations]]) -> list[PackRule]:
    """All rules, in order of their packs' ids."""
    return [PackRule(pack, alert) for pack, declared in packs for alert in declared.alerts]


def _rate(column: Column, for_s: float) -> float | None:
    """Change a second over the newest `for_s` seconds; None while there are fewer."""
    times, values = newest(column, MOST, 1), newest(column, MOST)
    first = next((i for i in range(len(times) - 1, -1, -1) if times[i] <= times[-1] - for_s), None)
    if first is None or times[first] == times[-1]:
        return None
    rate = (values[-1] - values[first]) / (times[-1] - times[first])
    return rate if isfinite(rate) else None


def _repeats(column: Column) -> float:
    """How many of the newest points are equal."""
    values = newest(column, MOST)
    return float(sum(1 for _ in takewhile(lambda value: value == values[-1], reversed(values))))


def _always(column: Column, breaks: Breaks, limit: float) -> bool:
    """For every point there ever was: the least and the greatest tell, whatever the length."""
    if column.nonfinite:
        return False
    for greatest in (False, True):
        point = column.least(0, len(column), greatest=greatest)
        if point is None or not breaks(column.points.read(point, point + 1)[2][0], limit):
            return False
    return True
