"""Alerts and their limits as rows. Pure: what the core answered, and the time."""

from __future__ import annotations

from typing import Any

from nanochat_host.core.wire_alerts import DEFAULTS, MEANINGS, AlertLimits
from nanochat_host.core.wire_outside import RaisedAlert
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import Cell, ListColumn, Row
from nanochat_host.ui.words import age_words, duration_words

COLUMNS = (
    ListColumn("", 1, keep=9),
    ListColumn("", 17, keep=9),
    ListColumn("", keep=8),
    ListColumn("", 9, right=True, keep=6),
)
NAMED = (*COLUMNS[:2], ListColumn("", 16, keep=5), *COLUMNS[2:])
"""With the run that an alert is of."""
SIGNS = {"error": ("✖", "error-bold"), "warning": ("▲", "warning"), "info": ("·", "primary")}
NUMBERS = ("spike", "stall", "stall_s", "slow", "disk_low_gib", "late", "overfit", "wandb_min")
PAST = 30
RULES = {
    "not_finite": "the training loss is NaN or infinite",
    "spike": "the loss is far above its recent course",
    "stalled": "no sign of life for many usual steps",
    "slow": "throughput fell well below its usual",
    "disk_full": "nothing more can be written",
    "disk_low": "the disk will be full soon",
    "out_of_memory": "a GPU had no memory left",
    "failed": "a command ended with an error",
    "checkpoint_late": "a checkpoint is overdue",
    "checkpoint_broken": "the newest checkpoint is not whole",
    "overfit": "the training loss falls, the validation loss does not",
    "wandb_silent": "W&B's heartbeat is lost",
    "unreadable": "lines of the events file are no events",
}
"""What each rule looks for, in the order listed. One that is not here is shown by its name."""


def rule_words(rule: str) -> str:
    """A rule's name for people; a pack's rule without the pack."""
    return clean(rule.rpartition(":")[2].replace("_", " ").replace("-", " "))


def rows(alerts: list[RaisedAlert], limits: AlertLimits, now: float, several: bool) -> list[Row]:
    """Everything on the screen. several: alerts of more than one run, so each is named."""
    active = [alert for alert in alerts if not alert.until]
    over = [alert for alert in alerts if alert.until][:PAST]
    out = [_heading(f"Active: {len(active)}" if active else "Active: none")]
    out += [_alert(alert, now, several) for alert in active]
    if over:
        out += [_gap(), _heading("Over")]
        out += [_alert(alert, now, several) for alert in over]
    out += [_gap(), _heading("Limits, of all runs; a change counts at once")]
    out += [_limit(name, limits) for name in NUMBERS]
    out += [_gap(), _heading("When an alert is raised")]
    out += [_limit("command", limits), _limit("bell", limits), _test(limits)]
    out += [_gap(), _heading("Rules, space switches one off")]
    out += [_rule(name, limits) for name in dict.fromkeys((*RULES, *limits.off))]
    return out


def _heading(text: str) -> Row:
    return Row("", (("", ""), (text, "title")))


def _gap() -> Row:
    return Row("", ())


def _alert(alert: RaisedAlert, now: float, several: bool) -> Row:
    over = bool(alert.until)
    sign: Cell = ("○", "muted") if over else SIGNS[alert.severity]
    style = "muted" if over else ""
    lasted = f"for {duration_words(alert.until - alert.since)}" if over else ""
    whose: tuple[Cell, ...] = ((clean(alert.run_name or alert.run), "muted"),) if several else ()
    return Row(
        alert_key(alert),
        (
            sign,
            (rule_words(alert.rule), style or "bold"),
            *whose,
            (clean(alert.message), style),
            (lasted or age_words(alert.since, now), "muted"),
        ),
    )


def alert_key(alert: RaisedAlert) -> str:
    """Key of its row."""
    return f"alert:{alert.run}:{alert.rule}:{alert.since}"


def value_words(value: Any) -> str:
    """A limit as a person reads and types it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, int | float) else clean(str(value))


def _limit(name: str, limits: AlertLimits) -> Row:
    value, usual = getattr(limits, name), getattr(DEFAULTS, name)
    words = value_words(value) or "none"
    if value != usual:
        words += f" (default {value_words(usual) or 'none'})"
    style = "" if value == usual else "accent"
    return Row(f"limit:{name}", (("", ""), (name, ""), (f"{words:8} {MEANINGS[name]}", style)))


def _test(limits: AlertLimits) -> Row:
    ready = bool(limits.command)
    told = "run the command now, as for an alert" if ready else "set a command first"
    return Row("test", (("", ""), ("▸ test", "bold" if ready else "muted"), (told, "muted")))


def _rule(name: str, limits: AlertLimits) -> Row:
    off = name in limits.off
    sign: Cell = ("○", "muted") if off else ("●", "success")
    style = "muted" if off else ""
    told = RULES.get(name, "a rule of a pack")
    return Row(
        f"rule:{name}",
        (sign, (rule_words(name), style), (f"{'off, ' if off else ''}{told}", "muted")),
    )
