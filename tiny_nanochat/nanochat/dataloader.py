"""Batches of tokens from the shards: one endless stream, shared out among the ranks.

Documents follow each other, each after a <|bos|>, and rows are cut from them end to end. Every
rank reads the whole stream and takes its own batches out of it: N ranks together see exactly the
tokens that one rank with N micro-batches would. The position in the stream is part of each batch,
so a resumed run goes on with the very token where the saved one stood.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from nanochat.common import get_dist_info
from nanochat.dataset import ROW_GROUP, list_shards, read_shard
from nanochat.tokenizer import Tokenizer
from nanochat.torch_setup import torch


@dataclass(frozen=True)
class Position:
    """A token in the stream. The names are nanochat's: pq is the shard, rg the row group."""

    epoch: int = 1
    pq_idx: int = 0
    rg_idx: int = 0
    row_idx: int = 0
    """Document within its row group."""
    token_idx: int = 0
    """Token within its document."""


Batch = tuple[torch.Tensor, torch.Tensor, dict[str, int]]


def token_stream(
    tokenizer: Tokenizer, split: str, start: Position
) -> Iterator[tuple[Position, list[int]]]:
    """Endlessly: the position of a document's first token wanted, and its tokens from there."""
    shards = list_shards(split)
    bos = tokenizer.get_bos_token_id()
    first_row = start.rg_idx * ROW_GROUP + start.row_idx
    epoch, first_shard, skip = start.epoch, start.pq_idx, start.token_idx
    while True:
        for pq_idx in range(first_shard, len(shards)):
            documents = read_shard(shards[pq_idx])
            for row in range(first_row, len(documents)):
                tokens = tokenizer.encode(documents[row]["text"], prepend=bos)
                rg_idx, row_idx = divmod(row, ROW_GROUP)
                yield Position(epoch, pq_idx, rg_idx, row_idx, skip), tokens[skip:]
                skip = 0
            first_row = 0
        first_shard = 0
        epoch += 1


def data_loader_with_state(
    tokenizer: Tokenizer,
    batch_size: int,
    sequence_len: int,
    split: str,
    device: torch.device,
    resume_state_dict: dict[str, int] | None = None,
) -> Iterator[Batch]:
    """Endlessly: inputs and targets (batch_size, sequence_len) of this rank, and their position.

    Given back as `resume_state_dict`, a position yields the batch it came with again.
    """
    _, rank, _, world_size = get_dist_info()
    tokens_per_batch = batch_size * sequence_len
    needed = world_size * tokens_per_batch + 1  # the last target lies one beyond the last input
    window: list[int] = []
    documents: deque[tuple[Position, int]] = deque()  # those in the window, with their lengths
    for position, tokens in token_stream(tokenizer, split, Position(**resume_state_dict or {})):
        window += tokens
        documents.append((position, len(tokens)))
        while len(window) >= needed:
            begin = rank * tokens_per_batch
            mine = torch.tensor(window[begin : begin + tokens_per_batch + 1], device=device)
            yield (
                mine[:-1].view(batch_size, sequence_len),
                mine[1:].view(batch_size, sequence_len),
                asdict(documents[0][0]),
            )
            used = needed - 1
            del window[:used]
            while used >= documents[0][1]:
                used -= documents.popleft()[1]
            at, length = documents[0]
            documents[0] = (replace(at, token_idx=at.token_idx + used), length - used)


def data_loader(
    tokenizer: Tokenizer, batch_size: int, sequence_len: int, split: str, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The same batches from the beginning of the split, without positions."""
    for x, y, _ in data_loader_with_state(tokenizer, batch_size, sequence_len, split, device):
        yield x, y
