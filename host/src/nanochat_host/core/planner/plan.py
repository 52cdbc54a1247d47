"""The plan of a base training run: every figure with its unit, and whether it is exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanochat_host.core.planner import cost, memory
from nanochat_host.core.planner.counts import counts_of, windows
from nanochat_host.core.planner.gpus import CPU
from nanochat_host.core.planner.horizon import Horizon, horizon_of
from nanochat_host.core.planner.inputs import Checkout, Inputs, inputs_of
from nanochat_host.core.wire_config import Figure, GpuKind, Plan

_WITHOUT_VOCAB = {"model_dim", "n_head", "params_matrices", "params_scalars", "adam_lr_scale"}
"""Counts that are exact before there is a tokenizer."""


def make_plan(
    options: Mapping[str, Any],
    checkout: Checkout,
    *,
    vocab: int,
    world: int,
    gpu: GpuKind,
    vocab_known: bool = True,
    usd_per_gpu_hour: float = 0.0,
    said: str = "",
) -> Plan:
    """Figures in the order they are shown. vocab_known: of a tokenizer that is there, not assumed.
    said: the assumption behind hours and dollars, where it is not the GPU's price. Raises
    ValueError, with what is missing, for what cannot be planned."""
    given = inputs_of(options, checkout, vocab, world)
    horizon = horizon_of(given.shape, given.reference, given.wanted, checkout.arch, checkout.rules)
    exact = checkout.readable and not checkout.arch.unknown
    figures = _counted(given, horizon, checkout)
    for figure in figures:
        figure.exact = exact and (vocab_known or figure.name in _WITHOUT_VOCAB)
    price = usd_per_gpu_hour or gpu.usd_per_hour
    figures += _estimated(given, horizon, checkout, gpu, price)
    device_batch = given.wanted.device_batch
    on_gpu = gpu.name != CPU
    vram = memory.vram_bytes(given.shape, checkout.arch, device_batch, world, on_gpu=on_gpu)
    # Processes on a CPU share its memory.
    room = gpu.memory_bytes if on_gpu else gpu.memory_bytes // world
    return Plan(
        gpu=gpu.name,
        nproc=world,
        vocab=vocab,
        figures=figures,
        fits=not room or vram <= memory.USABLE * room,
        ladder=memory.largest_batch(given.shape, checkout.arch, world, room, on_gpu=on_gpu),
        assumptions=[said or _price(gpu, price), *_assumptions(checkout, vocab, vocab_known)],
    )


def _counted(given: Inputs, horizon: Horizon, checkout: Checkout) -> list[Figure]:
    """What nanochat computes itself."""
    shape = given.shape
    counts = counts_of(shape, checkout.arch)
    rows: list[tuple[str, str, float | str, str]] = [
        ("model_dim", "width", shape.width, "channels"),
        ("n_head", "heads", shape.heads, ""),
        ("params", "parameters", counts.total, ""),
        ("params_wte", "  token embedding", counts.wte, ""),
        ("params_value_embeds", "  value embeddings", counts.value_embeds, ""),
        ("params_lm_head", "  output head", counts.lm_head, ""),
        ("params_matrices", "  matrices", counts.matrices, ""),
        ("params_scalars", "  scalars", counts.scalars, ""),
        ("scaling_params", "scaling parameters", horizon.scaling_params, ""),
        ("flops_per_token", "FLOPs per token", horizon.flops_per_token, "FLOPs"),
        ("total_batch_size", "batch", horizon.batch, "tokens"),
        ("grad_accum_steps", "micro-batches a step", horizon.accumulation or "not whole", ""),
        ("num_iterations", "steps", horizon.iterations, "steps"),
        ("total_tokens", "tokens", horizon.tokens, "tokens"),
        ("tokens_per_param", "tokens per weight", horizon.tokens / horizon.scaling_params, ""),
        ("flops", "FLOPs", horizon.flops, "FLOPs"),
        ("lr_scale", "learning rates times", horizon.lr_scale, ""),
        ("adam_lr_scale", "AdamW's further times", horizon.adam_scale, ""),
        ("weight_decay", "weight decay", horizon.decay, ""),
    ]
    return [Figure(name, title, value, unit) for name, title, value, unit in rows]


def _estimated(
    given: Inputs, horizon: Horizon, checkout: Checkout, gpu: GpuKind, price: float
) -> list[Figure]:
    shape, arch, wanted = given.shape, checkout.arch, given.wanted
    on_gpu = gpu.name != CPU
    vram = memory.vram_bytes(shape, arch, wanted.device_batch, wanted.world, on_gpu=on_gpu)
    save = memory.checkpoint_bytes(shape, arch, on_gpu=on_gpu)
    saves = saves_of(horizon.iterations, given.save_every)
    shards = memory.shards_for(horizon.tokens)
    sliding = min(windows(shape, arch)) < shape.seq
    mfu = cost.mfu_of(gpu, shape, fp8=given.fp8, sliding=sliding)
    seconds = cost.seconds_of(horizon.flops, gpu, wanted.world, mfu)
    dollars = cost.dollars_of(seconds, wanted.world if on_gpu else 1, price)
    disk = save * saves + shards * memory.SHARD_BYTES
    room = f"of {gpu.memory_bytes / 2**30:.0f} GiB" if gpu.memory_bytes else ""
    whose = "memory of a GPU" if on_gpu else "memory of a process"
    figures = [
        Figure("vram_bytes", whose, vram, "bytes", note=room),
        Figure("checkpoint_bytes", "a checkpoint", save, "bytes", note="model and optimizer"),
        Figure("saves", "checkpoints", saves, "", exact=True),
        Figure("shards", "data files", shards, "files", note="for one epoch"),
        Figure("disk_bytes", "disk in all", disk, "bytes", note="checkpoints and data"),
        Figure("hours", "hours of training", seconds / 3600, "h", note="without evals and saves"),
    ]
    if on_gpu:
        share = Figure("mfu", "share of the peak", mfu, "fraction", note="bf16, assumed")
        figures.insert(-1, share)
    if price:
        note = f"{price:g} for a GPU and hour" if on_gpu else f"{price:g} an hour"
        figures.append(Figure("usd", "dollars", dollars, "USD", note=note))
    return figures


def saves_of(iterations: int, save_every: int) -> int:
    """Checkpoints a run leaves: every `save_every` steps after the first, and at the end."""
    if save_every < 1:
        return 1
    return (iterations - 1) // save_every + 1


def _price(gpu: GpuKind, price: float) -> str:
    return f"{gpu.name} at {price:g} USD an hour; prices vary, set your own"


def _assumptions(checkout: Checkout, vocab: int, vocab_known: bool) -> list[str]:
    said = []
    if not vocab_known:
        said.append(f"{vocab:,} tokens in the vocabulary: there is no tokenizer yet")
    if checkout.arch.unknown:
        parts = ", ".join(checkout.arch.unknown[:4])
        said.append(
            f"the model has parts this planner does not know ({parts}): counts are estimates"
        )
    if not checkout.readable:
        said.append("the checkout's model could not be read: counts are those of upstream's")
    return said
