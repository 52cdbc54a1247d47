"""Alerts as events: raised once, ended once, never a storm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import inf

from nanochat_sdk.data import Event

from nanochat_host.core.telemetry.rules import RULES, Finding, Look, Severity
from nanochat_host.core.telemetry.rules_packs import PackRule
from nanochat_host.core.telemetry.rules_trend import TREND_RULES
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import DEFAULTS, AlertLimits

logger = logging.getLogger(__name__)
ALL_RULES = {**RULES, **TREND_RULES}
COOLDOWN_S = 60.0
"""Least time between the end of an alert and its return."""
FINAL = frozenset({"failed", "out_of_memory", "unreadable"})
"""Rules whose alert does not end: what happened, happened."""


class AlertEngine:
    """Keeps which rules of a run have an active alert. history: events of an earlier core, so that
    what was said is not said again."""

    def __init__(self, history: Iterable[Event] = ()) -> None:
        self.active: dict[str, Finding] = {}
        self._ended: dict[str, float] = {}
        for event in history:
            rule = str(event.fields.get("rule"))
            if event.kind != "alert" or not (rule in ALL_RULES or ":" in rule):
                continue
            if event.fields.get("active"):
                said = event.fields.get("severity")
                severity: Severity = said if said in ("info", "error") else "warning"
                self.active[rule] = Finding(severity, str(event.fields.get("message")))
            else:
                self.active.pop(rule, None)

    def check(
        self,
        run: RunTelemetry,
        now: float,
        disk_free: float | None,
        limits: AlertLimits = DEFAULTS,
        pack_rules: Sequence[PackRule] = (),
    ) -> list[Event]:
        """Apply all rules; the events to write. A rule that fails is logged, not raised. Those of
        packs are for runs that were followed while they went on; one that is gone is over."""
        look = Look(run, now, disk_free, limits=limits)
        out: list[Event] = []
        rules: dict[str, Callable[[Look], Finding | None]] = dict(ALL_RULES)
        if run.was_live:
            rules |= {rule.name: rule.judge for rule in pack_rules}
        known = {rule.name for rule in pack_rules}
        for rule in [r for r in self.active if ":" in r and r not in known]:
            out += filter(None, [self._change(rule, None, run, now)])
        for rule, judge in rules.items():
            try:
                quiet = rule in limits.off
                found = None if quiet else judge(replace(look, raised=rule in self.active))
            except Exception:
                logger.exception("alert rule %s failed", rule, extra={"run": run.run.run_id})
                continue
            if event := self._change(rule, found, run, now):
                out.append(event)
        return out

    def gravest(self) -> str:
        """The name in words of the rule to worry about first, of those that may yet be over."""
        ours = [rule for rule in ALL_RULES if rule in self.active and rule not in FINAL]
        active = [*ours, *(r for r in self.active if ":" in r)]
        errors = [rule for rule in active if self.active[rule].severity == "error"]
        words = next(iter([*errors, *active]), "").rpartition(":")[2]
        return words.replace("_", " ").replace("-", " ")

    def _change(
        self, rule: str, found: Finding | None, run: RunTelemetry, now: float
    ) -> Event | None:
        before = self.active.get(rule)
        if found and (before is None or (rule in FINAL and before.message != found.message)):
            if 0.0 <= now - self._ended.get(rule, -inf) < COOLDOWN_S:  # a clock may be set back
                return None
            self.active[rule] = found
            return _event(rule, found, True, run, now)
        if before and found is None and rule not in FINAL:
            del self.active[rule]
            self._ended[rule] = now
            return _event(rule, before, False, run, now)
        return None


def _event(rule: str, finding: Finding, active: bool, run: RunTelemetry, now: float) -> Event:
    step = run.full_facts.step
    fields = {
        "rule": rule,
        "severity": finding.severity,
        "message": finding.message if active else f"over: {finding.message}",
        "hint": finding.hint if active else "",
        "active": active,
    }
    return Event(ts=now, kind="alert", step=step if step >= 0 else None, fields=fields)
