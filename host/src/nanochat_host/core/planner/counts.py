"""Weights and FLOPs of a model, as nanochat counts them. Integers throughout; no torch."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_host.core.planner.architecture import Architecture, Rules

VALUE_RANK = 32


class Shape(NamedTuple):
    """depth layers of `heads` heads with `head_dim` channels. vocab: unpadded. seq: tokens of a
    row. pattern: windows of the layers, tiled."""

    depth: int
    width: int
    heads: int
    kv_heads: int
    vocab: int
    seq: int
    pattern: str

    @property
    def head_dim(self) -> int:
        return self.width // self.heads


class Counts(NamedTuple):
    """Weights by group, in nanochat's own grouping."""

    wte: int
    value_embeds: int
    lm_head: int
    matrices: int
    scalars: int
    bigrams: int = 0

    @property
    def total(self) -> int:
        return sum(self)


def shape_of(
    rules: Rules,
    *,
    depth: int,
    vocab: int,
    seq: int,
    aspect: int,
    head_dim: int,
    kv_heads: int = 0,
    pattern: str = "L",
) -> Shape:
    """The model that base_train makes of its options. kv_heads: 0 is as many as heads; -1 is half
    of them where they are even, else 1."""
    base = depth * aspect
    if rules.width == "ceil":
        width = -(-base // head_dim) * head_dim
        heads = width // head_dim
    elif rules.width == "round":
        heads = max(1, round(base / head_dim))
        width = heads * head_dim
    else:
        width = base
        ideal = max(1, round(base / head_dim))
        heads = -(-base // head_dim) if rules.width == "floor" else _dividing(base, ideal)
    if kv_heads == -1:
        kv_heads = heads // 2 if heads % 2 == 0 else 1
    return Shape(depth, width, heads, kv_heads or heads, vocab, seq, pattern)


def counts_of(shape: Shape, arch: Architecture) -> Counts:
    """Weights by group."""
    d, kv = shape.width, shape.kv_heads * shape.head_dim
    padded = padded_vocab(shape.vocab, arch)
    with_ve = value_layers(shape.depth, arch)
    matrices = shape.depth * (2 * d * d + 2 * d * kv + 8 * d * d)
    scalars = arch.layer_scalars * shape.depth + arch.scalars + arch.smear
    if arch.value_embeds == "low_rank":
        embeds = padded * VALUE_RANK + VALUE_RANK * kv
    elif arch.value_embeds == "shared":
        embeds = padded * kv
    else:
        embeds = with_ve * padded * kv
    return Counts(
        wte=padded * d,
        value_embeds=embeds,
        lm_head=padded * d,
        matrices=matrices + with_ve * arch.ve_gate * shape.kv_heads,
        scalars=scalars,
        bigrams=arch.bigrams * shape.vocab * d,
    )


def flops_per_token(shape: Shape, arch: Architecture) -> int:
    """Forward and backward, by the checkout's own formula."""
    counts = counts_of(shape, arch)
    weights = counts.lm_head + counts.matrices
    if arch.counted_smear:
        weights += arch.smear
    if arch.value_embeds == "low_rank":
        weights += VALUE_RANK * shape.kv_heads * shape.head_dim
    weights += arch.counted_layer_scalars * shape.depth
    return 6 * weights + 12 * shape.width * sum(windows(shape, arch))


def windows(shape: Shape, arch: Architecture) -> list[int]:
    """Tokens each layer looks back; the last layer always sees all."""
    divisor, tile = arch.short
    if not divisor or not shape.pattern:
        return [shape.seq] * shape.depth
    short = shape.seq // divisor if tile == 1 else -(-shape.seq // divisor // tile) * tile
    pattern = shape.pattern.upper()
    found = [
        shape.seq if pattern[layer % len(pattern)] == "L" else min(short, shape.seq)
        for layer in range(shape.depth)
    ]
    found[-1:] = [shape.seq]
    return found


def padded_vocab(vocab: int, arch: Architecture) -> int:
    """Rows of the embedding."""
    return -(-vocab // arch.pad) * arch.pad


def value_layers(depth: int, arch: Architecture) -> int:
    """Layers with a value embedding of their own."""
    return {"alternate": (depth + 1) // 2, "every": depth}.get(arch.value_embeds, 0)


def _dividing(width: int, ideal: int) -> int:
    """The count of heads nearest to `ideal` that divides the width."""
    for offset in range(width):
        for candidate in (ideal + offset, ideal - offset):
            if candidate > 0 and width % candidate == 0:
                return candidate
    return 1
