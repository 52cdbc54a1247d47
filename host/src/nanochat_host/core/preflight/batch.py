"""Batch sizes: what must divide what."""

from __future__ import annotations

from collections.abc import Iterator

from nanochat_host.core.planner.counts import padded_vocab
from nanochat_host.core.planner.memory import LADDER
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import Finding

_NEEDED = ("device_batch_size", "max_seq_len")


def micro_batch(now: Situation) -> int:
    """Tokens of all ranks' micro-batches together, 0 where the stage has no such options."""
    rows, seq = (now.number(name) for name in _NEEDED)
    return rows * seq * now.nproc if rows > 0 and seq > 0 else 0


def divides(now: Situation) -> Iterator[Finding]:
    """The batch must hold a whole number of micro-batches."""
    micro, batch = micro_batch(now), _batch(now)
    if not micro or batch < 1 or batch % micro == 0:
        return
    rows, seq = (now.number(name) for name in _NEEDED)
    what = (
        f"a batch of {batch:,} tokens is no multiple of a micro-batch of {micro:,} "
        f"({rows} rows x {seq:,} tokens x {now.nproc} processes)"
    )
    why = "nanochat stops with an assertion after loading everything"
    given = now.number("total_batch_size") > 0
    if not given or batch < micro:
        fitting = (n for n in LADDER if n <= rows and batch % (n * seq * now.nproc) == 0)
        if smaller := next(fitting, 0):
            code = "batch_not_divisible" if given else "auto_batch_too_small"
            yield Finding("error", code, what, why, {"device_batch_size": smaller})
            return
    nearest = max(micro, round(batch / micro) * micro)
    yield Finding("error", "batch_not_divisible", what, why, {"total_batch_size": nearest})


def world_size(now: Situation) -> Iterator[Finding]:
    """Every rank holds an equal share of the embedding's optimizer state."""
    if now.plan is None or now.nproc == 1 or not now.checkout.readable:
        return
    vocab = now.plan.vocab
    padded = padded_vocab(vocab, now.checkout.arch)
    if padded % now.nproc == 0:
        return
    fitting = next(n for n in range(now.nproc, 0, -1) if padded % n == 0)
    yield Finding(
        "error",
        "world_size",
        f"{now.nproc} processes do not divide the padded vocabulary of {padded:,}",
        "the optimizer shards it by rank and stops",
        {"nproc": fitting},
    )


def eval_steps(now: Situation) -> Iterator[Finding]:
    """An evaluation must have at least one step."""
    micro, tokens = micro_batch(now), now.number("eval_tokens")
    if now.number("eval_every") < 1 or not micro or tokens >= micro:
        return
    yield Finding(
        "error",
        "eval_steps",
        f"{tokens:,} tokens of evaluation are less than one micro-batch of {micro:,}",
        "no step is evaluated, and the validation loss becomes infinite",
        {"eval_tokens": micro},
    )


def horizon(now: Situation) -> Iterator[Finding]:
    """There must be a step to train."""
    if now.plan is None or now.plan.value("num_iterations") >= 1:
        return
    yield Finding(
        "error",
        "no_steps",
        "these options make a run of 0 steps",
        "the tokens to train on are fewer than a batch",
        {"num_iterations": 1},
    )


def _batch(now: Situation) -> int:
    given = now.number("total_batch_size")
    if given > 0:
        return given
    return int(now.plan.value("total_batch_size")) if now.plan is not None else 0
