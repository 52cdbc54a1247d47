"""Bits per byte: a loss that does not depend on how the tokenizer cuts the text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanochat.compute import sum_across_ranks
from nanochat.gpt import GPT
from nanochat.torch_setup import torch


@torch.no_grad()
def evaluate_bpb(
    model: GPT,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    steps: int,
    token_bytes: torch.Tensor,
) -> float:
    """Loss in bits over the bytes it is spent on, over `steps` batches on each rank.

    Targets without bytes (special tokens, and -1 for "not this one") count for neither.
    """
    totals = torch.zeros(2, dtype=torch.float64, device=model.get_device())  # nats, bytes
    for _ in range(steps):
        x, y = next(batches)
        y = y.reshape(-1)
        num_bytes = torch.where(y >= 0, token_bytes[y.clamp(min=0)], 0)
        nats = model(x, y, loss_reduction="none") * (num_bytes > 0)
        totals += torch.stack([nats.sum(dtype=torch.float64), num_bytes.sum(dtype=torch.float64)])
    sum_across_ranks(totals)
    nats_sum, bytes_sum = totals.tolist()
    return nats_sum / (math.log(2) * bytes_sum) if bytes_sum else math.inf
