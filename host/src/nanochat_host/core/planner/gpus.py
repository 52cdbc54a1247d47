"""GPUs to plan for. Memory and peaks are the makers'; prices and shares of the peak are
assumptions, shown as such, and a price of one's own replaces them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nanochat_host.core.wire_config import GpuKind

GIB = 2**30
REFERENCE = "H100"
CPU = "CPU"
"""The name of what is planned for on a machine without a GPU; see `planner.cpu`."""
# Upstream's own runs on 8 H100 reach 50 % of the bf16 peak (10,949 s for 4.33e19 FLOPs) and 59.5 %
# with fp8. Without FlashAttention 3 less is reached: 309K tokens/s against 315K on 8 A100 (d20).
MFU_BF16, FP8_GAIN = 0.50, 1.19
MFU_WITHOUT_FA3 = 0.42
MFU_CONSUMER = 0.45

GPUS: tuple[GpuKind, ...] = (
    GpuKind("RTX 3090", 24 * GIB, 71e12, MFU_CONSUMER, 1.0, 0.30, False),
    GpuKind("RTX 4090", 24 * GIB, 165.2e12, MFU_CONSUMER, 1.0, 0.50, False),
    GpuKind("RTX 5090", 32 * GIB, 209.5e12, MFU_CONSUMER, 1.0, 0.80, False),
    GpuKind("A100 40GB", 40 * GIB, 312e12, MFU_WITHOUT_FA3, 1.0, 1.30, False),
    GpuKind("L40S", 48 * GIB, 362e12, MFU_WITHOUT_FA3, 1.0, 1.10, False),
    GpuKind("A100", 80 * GIB, 312e12, MFU_WITHOUT_FA3, 1.0, 1.80, False),
    GpuKind("H100", 80 * GIB, 989e12, MFU_BF16, FP8_GAIN, 3.00, True),
    GpuKind("H200", 141 * GIB, 989e12, MFU_BF16, FP8_GAIN, 3.80, True),
    GpuKind("B200", 180 * GIB, 2250e12, 0.40, FP8_GAIN, 6.00, False),
)
COUNTS = (1, 8)
"""How many of each a matrix shows: one card, and the node upstream trains on."""


def gpu_named(name: str) -> GpuKind | None:
    """The kind of this name, as listed or as a driver says it ("NVIDIA H100 80GB HBM3")."""
    wanted = _plain(name)
    if not wanted:
        return None
    for kind in GPUS:
        if _plain(kind.name) == wanted:
            return kind
    # The longest name first: "A100 40GB" is an A100 too.
    for kind in sorted(GPUS, key=lambda kind: -len(kind.name)):
        if all(word in wanted for word in kind.name.lower().split()):
            return kind
    return None


def choose_gpu(asked: str, here: Sequence[str], prefab: str) -> tuple[GpuKind | None, str]:
    """What to plan for, and why: the asked one, this machine's, the prefab's, or the reference.
    None is this machine's processor: there is no GPU, and none was named."""
    if asked.upper() == CPU:
        return None, "as asked"
    for name, why in ((asked, "as asked"), *((n, "this machine's") for n in here[:1])):
        if name and (kind := gpu_named(name)):
            return kind, why
    if kind := gpu_named(prefab):
        return kind, "the prefab's"
    if here:
        return reference(), "upstream's own; this machine has no GPU that is known"
    return None, "this machine has no GPU"


def reference() -> GpuKind:
    """The GPU upstream trains on."""
    return next(kind for kind in GPUS if kind.name == REFERENCE)


def names(kinds: Iterable[GpuKind] = GPUS) -> list[str]:
    return [kind.name for kind in kinds]


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("-", " ").split())
