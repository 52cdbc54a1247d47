"""Whether the GPUs at hand, or asked about, can do it."""

from __future__ import annotations

from collections.abc import Iterator

from nanochat_host.core.planner.counts import shape_of
from nanochat_host.core.planner.gpus import CPU, REFERENCE
from nanochat_host.core.planner.inputs import inputs_of
from nanochat_host.core.planner.memory import largest_batch
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import Finding


def processes(now: Situation) -> Iterator[Finding]:
    """One process for each GPU."""
    here = len(now.machine.gpus)
    if now.gpu_asked or not now.stage.trains:
        return
    if here and now.nproc > here:
        yield Finding(
            "error",
            "too_few_gpus",
            f"{now.nproc} processes need as many GPUs; this machine has {here}",
            "the ranks without one stop at once",
            {"nproc": here},
        )
    elif not here and now.nproc > 1:
        yield Finding(
            "note",
            "no_gpu",
            f"this machine has no GPU: {now.nproc} processes share {now.machine.cpu_count} CPUs",
            now.machine.gpu_note or "training works, at a small fraction of the speed",
            {"nproc": 1},
        )


def memory(now: Situation) -> Iterator[Finding]:
    """The estimate of a GPU's memory against what it has; of a CPU's, where that is to train."""
    plan, gpu = now.plan, now.plan_gpu
    if plan is None or plan.fits or now.on_gpu != (plan.gpu != CPU):
        return
    need = plan.value("vram_bytes") / 2**30
    if gpu is not None:
        have = gpu.memory_bytes / 2**30
        what = f"about {need:.0f} GiB a GPU are needed, a {gpu.name} has {have:.0f}"
    else:
        need, have = need * now.nproc, now.machine.memory_bytes / 2**30
        what = f"about {need:.0f} GiB of memory are needed, this machine has {have:.0f}"
    why = "the first steps run out of memory (an estimate)"
    if plan.ladder:
        yield Finding("warning", "memory", what, why, {"device_batch_size": plan.ladder})
        return
    depth = _deepest(now)
    fix = {"depth": depth, "device_batch_size": 1} if depth else {}
    yield Finding("error", "memory", f"{what}, with a single row too", why, fix)


def sliding_windows(now: Situation) -> Iterator[Finding]:
    """Short windows are fast with FlashAttention 3 only, which runs on Hopper."""
    pattern = now.options.get("window_pattern")
    if not isinstance(pattern, str) or "S" not in pattern.upper() or not now.stage.trains:
        return
    if now.on_gpu and (now.plan_gpu is None or now.plan_gpu.sliding):
        return
    where = f"a {now.plan_gpu.name}" if now.on_gpu and now.plan_gpu else "a CPU"
    yield Finding(
        "warning",
        "sliding_windows",
        f"window pattern {pattern} without FlashAttention 3 ({where})",
        f"the fallback computes windows slowly; FlashAttention 3 needs a {REFERENCE} or its kin",
        {"window_pattern": "L"},
    )


def fp8(now: Situation) -> Iterator[Finding]:
    """fp8 needs a GPU that has it."""
    if now.options.get("fp8") is not True:
        return
    if not now.on_gpu:
        yield Finding(
            "note", "fp8", "fp8 without a GPU", "nanochat ignores it there", {"fp8": False}
        )
    elif now.plan_gpu is not None and now.plan_gpu.fp8_gain <= 1:
        yield Finding(
            "error",
            "fp8",
            f"fp8 on a {now.plan_gpu.name}",
            f"it needs a {REFERENCE} or newer",
            {"fp8": False},
        )


def _deepest(now: Situation) -> int:
    """The deepest model of the same options that fits with one row, 0 if none does."""
    if now.plan is None:
        return 0
    on_gpu = now.plan_gpu is not None
    have = now.plan_gpu.memory_bytes if now.plan_gpu else now.machine.memory_bytes // now.nproc
    given = inputs_of(now.options, now.checkout, now.plan.vocab, now.nproc)
    for depth in range(given.shape.depth - 1, 0, -1):
        shape = shape_of(
            now.checkout.rules,
            depth=depth,
            vocab=now.plan.vocab,
            seq=given.shape.seq,
            aspect=max(1, given.shape.width // given.shape.depth),
            head_dim=given.shape.head_dim,
        )
        if largest_batch(shape, now.checkout.arch, now.nproc, have, on_gpu=on_gpu):
            return depth
    return 0
