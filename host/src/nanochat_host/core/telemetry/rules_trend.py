"""Rules about the course of a run over evaluations, and about who watches it from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from nanochat_host.core.telemetry.rules import Finding, Look, newest

MARGIN = 0.002
"""Share of the best validation loss that counts as no better: evaluations are noisy."""


def overfit(look: Look) -> Finding | None:
    """The training loss falls, the validation loss does not."""
    columns, wait = look.run.store.columns, look.limits.overfit
    name = "val/bpb" if "val/bpb" in columns else "val/loss"
    steps, values = (newest(columns.get(name), 256, which) for which in (0, 2))
    train = columns.get("train/loss") or columns.get("train/loss_raw")
    if not look.run.live or len(values) <= wait or train is None:
        return None
    best = min(values)
    at = values.index(best)
    since = len(values) - 1 - at
    if values[-1] <= best * (1 + MARGIN) or since < (1 if look.raised else wait):
        return None
    trail = list(zip(newest(train, 4096, 0), newest(train, 4096, 2), strict=True))
    then = [value for step, value in trail if step <= steps[at]][-16:]
    now = [value for step, value in trail if step > steps[at]][-16:]
    if not then or not now or sum(now) / len(now) >= sum(then) / len(then):
        return None
    return Finding(
        "warning",
        f"{name} was best at step {steps[at]:.0f} ({best:.4f}), the training loss still falls",
        "it learns by heart: stop, keep the checkpoint nearest that step, or train on more data",
    )


def wandb_silent(look: Look) -> Finding | None:
    """W&B's own process gave no sign for long while the run goes on."""
    heard = look.run.outside.get("wandb")
    if not look.run.live or heard is None or not heard.at or heard.off:
        return None
    minutes = (look.now - heard.at) / 60
    if minutes < look.limits.wandb_min:
        return None
    return Finding(
        "warning",
        "W&B's heartbeat is lost",
        "training goes on and is kept here; look at the network, and at the run's page",
    )


TREND_RULES: dict[str, Callable[[Look], Finding | None]] = {
    "overfit": overfit,
    "wandb_silent": wandb_silent,
}
