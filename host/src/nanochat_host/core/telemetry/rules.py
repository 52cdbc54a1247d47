"""What is worth an alert: each rule looks at a run and says so in words, or keeps quiet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Literal

from nanochat_sdk.format import size

from nanochat_host.core.telemetry.advice import batch_ladder, hint_for, is_out_of_memory
from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.pyramid import finite
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import DEFAULTS, AlertLimits

Severity = Literal["info", "warning", "error"]
WINDOW = 128
DISK_ERROR_BYTES = 2**30
DISK_FULL_BYTES = 2**20
STOPPED = (2, 15)
"""Signals that a person or the core stops a run with."""


@dataclass(frozen=True)
class Finding:
    """Something is wrong now. hint: what to do about it."""

    severity: Severity
    message: str
    hint: str = ""


@dataclass
class Look:
    """What a rule sees. raised: the rule's alert is active, so it takes more to be calm again.
    disk_free: bytes where runs are kept, None unknown. limits: the person's."""

    run: RunTelemetry
    now: float
    disk_free: float | None
    raised: bool = False
    limits: AlertLimits = DEFAULTS


_TRAINING = (
    "stop the run; in chat_sft look for conversations longer than --max-seq-len, "
    "else lower the learning rates"
)
_VALIDATION = (
    "--eval-tokens is less than one batch of all ranks, so nothing is measured: raise it, or lower "
    "the device batch of evaluations"
)
_NOT_FINITE = {
    "train/loss": _TRAINING,
    "train/loss_raw": _TRAINING,
    "val/bpb": _VALIDATION,
    "val/loss": _VALIDATION,
}
"""Metrics that are to be numbers, the gravest first, and what to do if they are not."""


def newest(column: Column | None, count: int, which: int = 2) -> list[float]:
    """The newest `count` values of a column (which: 0 steps, 1 times, 2 values)."""
    if column is None or not len(column):
        return []
    start = max(column.spans.start, len(column) - count)
    return list(column.points.read(start, len(column))[which])


def _loss(run: RunTelemetry) -> Column | None:
    columns = run.store.columns
    return columns.get("train/loss_raw") or columns.get("train/loss")


def not_finite(look: Look) -> Finding | None:
    """A loss is NaN or infinite."""
    for name, hint in _NOT_FINITE.items():
        column = look.run.store.columns.get(name)
        if column and len(column) and not isfinite(column.last_value):
            bad = column.nonfinite.starts[-1] if column.nonfinite else len(column) - 1
            since = int(column.points.read(bad, bad + 1)[0][0])
            return Finding("error", f"{name} is {column.last_value} since step {since}", hint)
    return None


def spike(look: Look) -> Finding | None:
    """The loss is far above its recent course."""
    values = finite(newest(_loss(look.run), WINDOW))
    if len(values) < 32:
        return None
    recent = values[-4:]
    before = values[:-4]
    middle = median(before)
    spread = 1.4826 * median([abs(v - middle) for v in before])
    top = max(recent)
    z = (top - middle) / max(spread, 1e-3 * abs(middle), 1e-9)
    if z < look.limits.spike / (2 if look.raised else 1):
        return None
    return Finding(
        "warning",
        f"loss spike: {top:.4g}, usual is {middle:.4g}",
        "if it does not come back, resume from the last checkpoint with a lower learning rate",
    )


def _usual_step_s(run: RunTelemetry) -> float | None:
    times = newest(_loss(run), 33, which=1)
    gaps = [b - a for a, b in pairwise(times) if b > a]
    return median(gaps) if len(gaps) >= 3 else None


def stalled(look: Look) -> Finding | None:
    """No sign of life for many times the usual step."""
    run = look.run
    usual = _usual_step_s(run)
    if not run.live or run.facts.paused or usual is None:
        return None
    quiet_s = look.now - max(run.full_facts.updated_at, run.log.tail.changed_at)
    if quiet_s < max(look.limits.stall_s, look.limits.stall * usual):
        return None
    return Finding(
        "warning",
        f"no step for {quiet_s:.0f} s, usual is {usual:.2g} s",
        "an evaluation may take that long; else look at the log and at GPU load",
    )


def slow(look: Look) -> Finding | None:
    """Throughput fell well below its own baseline."""
    values = finite(newest(look.run.store.columns.get("train/tok_per_sec"), 272))
    if not look.run.live or len(values) < 24:
        return None
    recent = min(16, len(values) // 4)
    usual, now = median(values[:-recent]), median(values[-recent:])
    slow_share = look.limits.slow
    calm = (1 + slow_share) / 2 if look.raised else slow_share
    if usual <= 0 or now / usual >= calm:
        return None
    return Finding(
        "warning",
        f"throughput fell to {now:,.0f} tokens/s from {usual:,.0f}",
        "look for another program on the machine, for heat, and for slow data loading",
    )


def disk_full(look: Look) -> Finding | None:
    """Nothing more can be written."""
    if look.disk_free is None or not look.run.live:
        return None
    if look.disk_free >= DISK_FULL_BYTES * (2 if look.raised else 1):
        return None
    return Finding(
        "error",
        "the disk where runs are kept is full",
        "free some space: training goes on, but a checkpoint would fail",
    )


def disk_low(look: Look) -> Finding | None:
    """The disk will be full soon."""
    if look.disk_free is None or not look.run.live:
        return None
    sizes = [
        sum(v for v in event.fields.get("files", {}).values() if isinstance(v, int | float))
        for event in look.run.history.newest(["checkpoint"], 1)
        if isinstance(event.fields.get("files"), dict)
    ]
    need = max([look.limits.disk_low_gib * 2**30, *(2 * s for s in sizes)])
    if look.disk_free > need * (1.2 if look.raised else 1.0):
        return None
    severity: Severity = "error" if look.disk_free < DISK_ERROR_BYTES else "warning"
    return Finding(
        severity,
        f"{size(look.disk_free)} free where runs are kept",
        "delete old checkpoints, or save less often with --save-every",
    )


def _failure(run: RunTelemetry) -> str | None:
    """How a command of the run ended that should not have. What the log merely printed is none."""
    facts = run.full_facts
    found = None if run.live else facts.last_error
    for event in run.history.newest(["state"], 20):
        what, code = event.fields.get("what"), event.fields.get("exit_code")
        number = event.fields.get("signal")
        if what == "error":
            found = facts.last_error
        elif what == "lost":
            found = str(event.fields.get("reason", "")) or "it is lost"
        elif event.fields.get("asked") and number:
            continue  # somebody wanted it gone, and it went
        elif what in ("stage_end", "end") and number not in (0, None, *STOPPED):
            found = facts.last_error or f"killed by signal {number}"
        elif what in ("stage_end", "end") and code not in (0, None) and not number:
            found = facts.last_error or f"exit code {code}"
    return found or None


def failed(look: Look) -> Finding | None:
    """A command of the run ended with an error."""
    found = _failure(look.run)
    if found is None or is_out_of_memory(found):
        return None
    return Finding("error", found, hint_for(found))


def out_of_memory(look: Look) -> Finding | None:
    """A GPU had no memory left; the hint is a ladder of smaller batches."""
    found = _failure(look.run)
    if found is None or not is_out_of_memory(found):
        return None
    return Finding("error", found, batch_ladder(look.run.full_facts.facts))


def unreadable(look: Look) -> Finding | None:
    """Lines of the events file are no events. The first is named: the words must not change."""
    facts = look.run.full_facts
    if not facts.bad_lines:
        return None
    return Finding(
        "warning",
        f"events.jsonl holds lines that are no events, the first: {facts.bad_sample!r}",
        "they are left out and the rest is used; a kill or a full disk may have torn one",
    )


def checkpoint_late(look: Look) -> Finding | None:
    """A checkpoint is overdue by the run's own rhythm."""
    facts = look.run.facts
    every = facts.facts.get("save_every")
    if not look.run.live or not isinstance(every, int) or every <= 0 or facts.step < 0:
        return None
    saved = [e.step or 0 for e in look.run.history.newest(["checkpoint"], 1)]
    steps = facts.step - (saved[-1] if saved else facts.facts.get("resume_from_step", 0))
    if steps <= look.limits.late * every:
        return None
    return Finding(
        "warning",
        f"no checkpoint for {steps} steps, expected every {every}",
        "save one now, and check the disk and the log",
    )


def checkpoint_broken(look: Look) -> Finding | None:
    """The newest checkpoint was looked at after it was saved, and is not whole."""
    seen = look.run.history.newest(["state"], 50)
    told = next((e for e in reversed(seen) if e.fields.get("what") == "verified"), None)
    if told is None or told.fields.get("ok", True):
        return None
    problems = told.fields.get("problems") or ["it cannot be read"]
    return Finding(
        "error",
        f"the checkpoint of step {told.step} is not whole: {problems[0]}",
        "check the disk, then save again: this one cannot be resumed from",
    )


RULES: dict[str, Callable[[Look], Finding | None]] = {
    "not_finite": not_finite,
    "spike": spike,
    "stalled": stalled,
    "slow": slow,
    "disk_full": disk_full,
    "disk_low": disk_low,
    "out_of_memory": out_of_memory,
    "failed": failed,
    "checkpoint_late": checkpoint_late,
    "checkpoint_broken": checkpoint_broken,
    "unreadable": unreadable,
}
