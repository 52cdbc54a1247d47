"""Bytes: of checkpoints (as nanochat writes them on a GPU), of data, and of GPU memory. The last is
an estimate: what activations take depends on what the compiler keeps."""

from __future__ import annotations

import math

from nanochat_host.core.planner.architecture import Architecture
from nanochat_host.core.planner.counts import Shape, counts_of, padded_vocab

ACTIVATIONS = 13.0
"""Values of `width` channels that a layer keeps for each token: 12 reproduces upstream's d12 in
34 GB and d20 with 32 rows on 80 GB."""
LOGITS_BYTES = 8
"""The logits and their gradient, in 32 bits, for each token and word."""
CUDA_BYTES = int(1.2 * 2**30)
"""The context, the libraries' work space, and what fragments."""
PYTHON_BYTES = int(0.3 * 2**30)
"""A process with torch, before it has a model."""
USABLE = 0.94
"""Of a card's memory; the driver and fragmentation take the rest."""
CHARS_PER_TOKEN = 4.8
CHARS_PER_SHARD = 250e6
CROPPED = 0.35
"""Share of the text that best-fit packing of rows crops away."""
SHARD_BYTES = 100_000_000
LADDER = (256, 128, 64, 32, 16, 8, 4, 2, 1)


def model_bytes(shape: Shape, arch: Architecture, *, on_gpu: bool = True) -> int:
    """A model file: matrices in 32 bits, embeddings in 16 on a GPU."""
    counts = counts_of(shape, arch)
    embeddings = counts.wte + counts.value_embeds + counts.bigrams
    others = counts.total - embeddings
    return 4 * others + (2 if on_gpu else 4) * embeddings


def optimizer_bytes(shape: Shape, arch: Architecture, *, on_gpu: bool = True) -> int:
    """All ranks' optimizer files together: one moment for Muon's matrices, two for AdamW's."""
    counts = counts_of(shape, arch)
    embeddings = counts.wte + counts.value_embeds + counts.bigrams
    return 4 * counts.matrices + 8 * counts.lm_head + (4 if on_gpu else 8) * embeddings


def checkpoint_bytes(shape: Shape, arch: Architecture, *, on_gpu: bool = True) -> int:
    """One save: model and optimizer."""
    return model_bytes(shape, arch, on_gpu=on_gpu) + optimizer_bytes(shape, arch, on_gpu=on_gpu)


def vram_bytes(
    shape: Shape, arch: Architecture, device_batch: int, world: int, *, on_gpu: bool = True
) -> int:
    """Peak of one GPU while training, or of one process on a CPU. An estimate."""
    counts = counts_of(shape, arch)
    weights = model_bytes(shape, arch, on_gpu=on_gpu)
    tokens = device_batch * shape.seq
    activations = ACTIVATIONS * (2 if on_gpu else 4) * shape.depth * tokens * shape.width
    logits = LOGITS_BYTES * tokens * padded_vocab(shape.vocab, arch)
    # Muon stacks all matrices of a shape when the activations are gone again.
    peak = max(activations + logits, 4 * counts.matrices)
    moments = optimizer_bytes(shape, arch, on_gpu=on_gpu) / world
    return int(2 * weights + moments + peak) + (CUDA_BYTES if on_gpu else PYTHON_BYTES)


def largest_batch(
    shape: Shape, arch: Architecture, world: int, memory_bytes: int, *, on_gpu: bool = True
) -> int:
    """The largest rung of the ladder whose estimate fits, 0 if none does."""
    room = USABLE * memory_bytes
    fits = (n for n in LADDER if vram_bytes(shape, arch, n, world, on_gpu=on_gpu) <= room)
    return next(fits, 0)


def shards_for(tokens: int) -> int:
    """Files of the data set that so many tokens need, as one epoch. An estimate."""
    return max(1, math.ceil(tokens * CHARS_PER_TOKEN / CHARS_PER_SHARD / (1 - CROPPED)))
