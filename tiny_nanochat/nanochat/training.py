"""What pretraining and finetuning share: batch sizes that fit, and the figures printed first."""

from __future__ import annotations

import torch

from nanochat.common import die, print0
from nanochat.gpt import GPT


def grad_accum_steps_for(
    total_batch_size: int, device_batch_size: int, sequence_len: int, world_size: int
) -> int:
    """Micro-batches of each rank that make up a step. Leaves with the nearest sizes that fit."""
    tokens_per_rank = device_batch_size * sequence_len
    tokens = tokens_per_rank * world_size
    if total_batch_size < 1 or total_batch_size % tokens:
        below = total_batch_size // tokens * tokens
        nearest = f"{below} or {below + tokens}" if below > 0 else f"{tokens}"
        die(
            f"--total-batch-size={total_batch_size} is not a multiple of {tokens} "
            f"(--device-batch-size {device_batch_size} x --max-seq-len {sequence_len} x "
            f"{world_size} ranks): the nearest is {nearest}"
        )
    steps = total_batch_size // tokens
    print0(
        f"Tokens / micro-batch / rank: {device_batch_size} x {sequence_len} = {tokens_per_rank:,}"
    )
    print0(f"Tokens / micro-batch: {tokens:,}")
    print0(f"Total batch size {total_batch_size:,} => gradient accumulation steps: {steps}")
    return steps


def eval_steps_for(
    eval_tokens: int, device_batch_size: int, sequence_len: int, world_size: int
) -> int:
    """Batches of each rank in an evaluation. Leaves with the least figure if there would be 0."""
    tokens = device_batch_size * sequence_len * world_size
    if eval_tokens < tokens:
        die(f"--eval-tokens={eval_tokens} is less than one batch on every rank: at least {tokens}")
    return eval_tokens // tokens


def print_parameter_counts(model: GPT) -> int:
    """Print how many parameters do what; returns the FLOPs per token."""
    print0("Parameter counts:")
    for role, count in model.num_scaling_params().items():
        print0(f"{role:24s}: {count:,}")
    num_flops_per_token = model.estimate_flops()
    print0(f"Estimated FLOPs per token: {num_flops_per_token:e}")
    return num_flops_per_token


def layer_grad_norms(model: GPT) -> dict[str, float]:
    """L2 norm of the gradient of each part, once a step's backward passes are done."""
    parts = {"embedding": model.wte, "lm_head": model.lm_head}
    parts |= {f"block_{index:02d}": block for index, block in enumerate(model.blocks)}
    norms = {}
    for name, part in parts.items():
        grads = [p.grad for p in part.parameters() if p.grad is not None]
        if grads:
            norms[f"grad_norm/{name}"] = float(torch.nn.utils.get_total_norm(grads))
    return norms
