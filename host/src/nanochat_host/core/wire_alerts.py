"""What alerts are measured against: the person's to change while runs go on."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0, le=1e9)]
Share = Annotated[float, Meta(gt=0, le=1)]


class AlertLimits(msgspec.Struct, forbid_unknown_fields=True):
    """[alerts] of settings.toml. docs/events.md says what each rule does with its limit.

    spike: robust deviations of the loss. stall: usual steps without a sign of life, at least
    stall_s seconds. slow: share of the usual throughput. disk_low_gib: GiB free. late: times
    `save_every` without a checkpoint. overfit: evaluations since the best one. wandb_min: minutes
    without a sign of W&B. packs: values of packs' rules that are not their own, by "pack:rule".
    off: rules that keep quiet. command: run once for each alert, its facts
    in variables; "" none. bell: ring the terminal's.
    """

    spike: Positive = 8.0
    stall: Positive = 10.0
    stall_s: Positive = 30.0
    slow: Share = 0.6
    disk_low_gib: Positive = 5.0
    late: Positive = 2.0
    overfit: Annotated[int, Meta(ge=2, le=1000)] = 4
    wandb_min: Positive = 15.0
    packs: dict[str, Annotated[float, Meta(ge=-1e300, le=1e300)]] = {}
    off: list[str] = []
    command: Annotated[str, Meta(max_length=1000)] = ""
    bell: bool = False


DEFAULTS = AlertLimits()
MEANINGS = {
    "spike": "robust deviations of the loss above its last 128 values",
    "stall": "usual steps without a sign of life",
    "stall_s": "seconds without one, at least",
    "slow": "share of the usual tokens/s, below which it is slow",
    "disk_low_gib": "GiB free where runs are kept",
    "late": "times save_every without a checkpoint",
    "overfit": "evaluations since the best one, while the training loss falls",
    "wandb_min": "minutes without a sign of W&B",
    "off": "rules that keep quiet",
    "command": "run once for each alert; its facts are in variables NANOCHAT_ALERT_*",
    "bell": "ring the terminal's bell",
}
"""What each limit counts, for people."""
