"""Hours and dollars. Estimates: a share of the GPUs' peak that upstream's runs have reached."""

from __future__ import annotations

import math

from nanochat_host.core.planner.counts import Shape
from nanochat_host.core.planner.gpus import CPU
from nanochat_host.core.wire_config import GpuKind

SLIDING_WITHOUT_FA3 = 0.73
"""Without FlashAttention 3, sliding windows cost what full ones do and more: 226K against 309K
tokens/s on 8 A100."""


def mfu_of(gpu: GpuKind, shape: Shape, *, fp8: bool, sliding: bool) -> float:
    """Share of the bf16 peak that training reaches. sliding: the model has short windows."""
    if gpu.name == CPU:
        return 1.0  # its peak is what was reached
    share = gpu.mfu * (gpu.fp8_gain if fp8 else 1.0)
    if sliding and not gpu.sliding:
        share *= SLIDING_WITHOUT_FA3
    # Narrow models keep a large GPU less busy.
    return share * min(1.0, math.sqrt(shape.width / 768))


def seconds_of(flops: float, gpu: GpuKind, world: int, mfu: float) -> float:
    """Training alone: upstream's own count leaves out evaluations, saves and compilation. The
    processes on a CPU share it."""
    return flops / (mfu * gpu.bf16_flops * (1 if gpu.name == CPU else world))


def dollars_of(seconds: float, world: int, usd_per_gpu_hour: float) -> float:
    return seconds / 3600 * world * usd_per_gpu_hour
