"""What a run's events and log say about it, folded into a few fields."""

from __future__ import annotations

from typing import Any

import msgspec
from nanochat_sdk.data import Event

MAX_FACTS = 400
_STEPS = ("num_steps", "num_iterations", "total_steps", "max_steps")
_NEEDS_ACCUMULATION = ("chat_sft", "mid_train")


class TelemetryFacts(msgspec.Struct):
    """Facts about a run as its telemetry tells them; they belong to the stage that runs now.

    step: newest step, -1 before the first. num_steps: planned, 0 unknown. hooked: the hook drives
    the loop; samples_hooked: it reports samples, so those of the log are left out. sources: "hook"
    and "log" to "live", "stale", "ended" or "off". patches: changes that took effect. live: options
    that may be changed. updated_at: time of the newest row or event. flops_per_s: what training
    reached, over all processes, 0 for unknown. bad_lines: lines of the events file that are none,
    bad_sample the first of them.
    """

    step: int = -1
    num_steps: int = 0
    tokens_per_step: int = 0
    facts: dict[str, Any] = {}
    hooked: bool = False
    samples_hooked: bool = False
    sources: dict[str, str] = {}
    loss: float | None = None
    val_bpb: float | None = None
    updated_at: float = 0.0
    started_at: float = 0.0
    stage_index: int = -1
    paused: bool = False
    patches: list[dict[str, Any]] = []
    live: list[str] = []
    device: str = ""
    last_error: str = ""
    bad_lines: int = 0
    bad_sample: str = ""
    flops_per_s: float = 0.0


def fold_event(facts: TelemetryFacts, event: Event) -> None:
    """Take up a state event."""
    facts.updated_at = max(facts.updated_at, event.ts)
    if event.kind == "sample":
        facts.samples_hooked = True
    if event.kind != "state":
        return
    fields, what = event.fields, event.fields.get("what")
    if what == "stage":
        _new_stage(facts, event)
    elif what == "start":
        facts.facts = {**facts.facts, "module": fields.get("module", "")}
        facts.started_at = facts.started_at or event.ts
    elif what == "instrumented":
        facts.hooked = fields.get("loop") is not None
        live = fields.get("live")
        facts.live = [str(name) for name in live] if isinstance(live, list) else []
    elif what == "loop_start":
        fold_scalars(facts, {**_mapping(fields.get("args")), **_mapping(fields.get("facts"))})
    elif what == "applied":
        _applied(facts, event)
    elif what in ("paused", "resumed"):
        facts.paused = what == "paused"
    elif what == "error":
        fold_error(facts, str(fields.get("type", "")), str(fields.get("message", "")))


def fold_error(facts: TelemetryFacts, kind: str, message: str) -> None:
    """Remember an error as one line. What torchrun says about a failed child never hides why."""
    if facts.last_error and kind.endswith(("ChildFailedError", "SystemExit")):
        return
    text = message if message.startswith(kind) else f"{kind}: {message}" if message else kind
    facts.last_error = text.strip().split("\n")[0][:500]


def fold_scalars(facts: TelemetryFacts, scalars: dict[str, Any]) -> None:
    """Take up scalars known before the loop, by the names nanochat's scripts give them."""
    kept = {str(k)[:120]: v for k, v in scalars.items() if isinstance(v, str | int | float | bool)}
    facts.facts = dict(list({**facts.facts, **kept}.items())[-MAX_FACTS:])
    for name in _STEPS:
        steps = kept.get(name)
        if isinstance(steps, int) and not isinstance(steps, bool) and steps > 0:
            facts.num_steps = _optimizer_steps(facts.facts, name, steps)
            break
    batch = kept.get("total_batch_size")
    if isinstance(batch, int) and batch > 0:
        facts.tokens_per_step = batch
    device = kept.get("gpu") or kept.get("gpu_device_name") or kept.get("device_type")
    if isinstance(device, str) and device:
        facts.device = device


def _optimizer_steps(facts: dict[str, Any], name: str, steps: int) -> int:
    """chat_sft and mid_train count micro-batches in `num_iterations`."""
    accumulation = facts.get("grad_accum_steps")
    module = str(facts.get("module", ""))
    counts_micro = name == "num_iterations" and module.endswith(_NEEDS_ACCUMULATION)
    if counts_micro and isinstance(accumulation, int) and accumulation > 1:
        return -(-steps // accumulation)
    return steps


def _applied(facts: TelemetryFacts, event: Event) -> None:
    fields = event.fields
    if fields.get("cmd") not in ("set", "lr"):
        return
    patch = {k: fields.get(k) for k in ("id", "cmd", "name", "old", "value")}
    facts.patches = [*facts.patches, {**patch, "step": event.step, "ts": event.ts}][-200:]
    if fields.get("cmd") == "set" and isinstance(fields.get("name"), str):
        fold_scalars(facts, {fields["name"]: fields.get("value")})


def _new_stage(facts: TelemetryFacts, event: Event) -> None:
    index = event.fields.get("index")
    kept = TelemetryFacts(
        updated_at=facts.updated_at,
        started_at=facts.started_at or event.ts,
        stage_index=index if isinstance(index, int) else facts.stage_index + 1,
        patches=facts.patches,
        flops_per_s=facts.flops_per_s,
        device=facts.device,
        val_bpb=facts.val_bpb,
        loss=facts.loss,
        bad_lines=facts.bad_lines,
        bad_sample=facts.bad_sample,
    )
    for name in TelemetryFacts.__struct_fields__:
        setattr(facts, name, getattr(kept, name))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
