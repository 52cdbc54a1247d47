"""How long a model trains and with which batch, as base_train computes it."""

from __future__ import annotations

import math
from typing import NamedTuple

from nanochat_host.core.planner.architecture import Architecture, Rules
from nanochat_host.core.planner.counts import Shape, counts_of, flops_per_token

REFERENCE_BATCH = 2**19
REFERENCE_DEPTH = 12
BATCH_EXPONENT = 0.383
REFERENCE_WIDTH = 768


class Wanted(NamedTuple):
    """The options that decide; -1 is off, as in nanochat."""

    num_iterations: int = -1
    target_flops: float = -1.0
    ratio: float = -1.0
    total_batch: int = -1
    device_batch: int = 32
    weight_decay: float = 0.0
    world: int = 1


class Horizon(NamedTuple):
    """tokens: what the run trains on. lr_scale: on all rates. adam_scale: further on AdamW's, for
    the width. decay: Muon's after scaling. accumulation: micro-batches a step, 0 when they do not
    divide the batch."""

    batch: int
    iterations: int
    tokens: int
    scaling_params: int
    flops_per_token: int
    flops: int
    lr_scale: float
    adam_scale: float
    decay: float
    micro_batch: int
    accumulation: int


def horizon_of(
    shape: Shape, reference: Shape, wanted: Wanted, arch: Architecture, rules: Rules
) -> Horizon:
    """reference: the model of depth 12 with the same other options. Raises ValueError when nothing
    says how long to train."""
    scaling = scaling_params(shape, arch, rules)
    per_token = flops_per_token(shape, arch)
    target = int(wanted.ratio * scaling)
    of_reference = wanted.ratio * scaling_params(reference, arch, rules)
    micro = wanted.device_batch * shape.seq * wanted.world
    batch = wanted.total_batch
    if batch == -1:
        batch = _auto_batch(rules, target, of_reference, micro)
    if batch < 1:
        raise ValueError("the batch is empty")
    iterations = _iterations(wanted, target, per_token, batch)
    share = batch / REFERENCE_BATCH
    return Horizon(
        batch=batch,
        iterations=iterations,
        tokens=batch * iterations,
        scaling_params=scaling,
        flops_per_token=per_token,
        flops=per_token * batch * iterations,
        lr_scale=math.sqrt(share) if rules.lr else 1.0,
        adam_scale=(shape.width / REFERENCE_WIDTH) ** -0.5,
        decay=_decay(rules, wanted.weight_decay, shape.depth, share, of_reference, target),
        micro_batch=micro,
        accumulation=batch // micro if micro and batch % micro == 0 else 0,
    )


def scaling_params(shape: Shape, arch: Architecture, rules: Rules) -> int:
    """The weights that the data ratio is of."""
    counts = counts_of(shape, arch)
    return counts.matrices + counts.lm_head if rules.scaling == "matrices" else counts.total


def _auto_batch(rules: Rules, target: int, of_reference: float, micro: int) -> int:
    if rules.auto_batch == "least":
        return micro
    if rules.auto_batch == "given" or target <= 0 or of_reference <= 0:
        raise ValueError("total_batch_size must be given here")
    predicted = REFERENCE_BATCH * (target / of_reference) ** BATCH_EXPONENT
    return int(2 ** round(math.log2(predicted)))


def _iterations(wanted: Wanted, target: int, per_token: int, batch: int) -> int:
    if wanted.num_iterations > 0:
        return wanted.num_iterations
    if wanted.target_flops > 0:
        return round(wanted.target_flops / (per_token * batch))
    if wanted.ratio > 0:
        return target // batch
    raise ValueError("nothing says how long to train")


def _decay(
    rules: Rules, decay: float, depth: int, share: float, of_reference: float, target: int
) -> float:
    if rules.decay == "depth":
        return decay * (REFERENCE_DEPTH / depth) ** 2
    if rules.decay == "epoch" and target > 0:
        return decay * math.sqrt(share) * (of_reference / target)
    return decay
