"""Batches of tokens from the shards: one endless stream of rows, shared out among the ranks.

Documents follow each other, each after a <|bos|>, and are cut into pages of rows end to end. The
rows of a page are dealt out far from each other, for neighbours come from the same document and
would teach a batch the same thing many times. Every rank reads the whole stream and takes its own
rows: N ranks together see exactly the rows that one rank with N micro-batches would. Each batch
carries its position, so a resumed run goes on with the very row where the saved one stood.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from nanochat.common import get_dist_info
from nanochat.dataset import ROW_GROUP, list_shards, read_shard
from nanochat.tokenizer import Tokenizer
from nanochat.torch_setup import torch

PAGE_ROWS = 128
DEAL_STRIDE = 37
"""Row i of the deal is row i * DEAL_STRIDE of the page: no common factor, so each comes once."""


@dataclass(frozen=True)
class Position:
    """A row in the stream. The names are nanochat's: pq is the shard, rg the row group."""

    epoch: int = 1
    pq_idx: int = 0
    rg_idx: int = 0
    document_idx: int = 0
    """Document within its row group, ..."""
    token_idx: int = 0
    """... and token within it, where the page begins."""
    dealt: int = 0
    """Rows of the page that were dealt out before this one."""


Batch = tuple[torch.Tensor, torch.Tensor, dict[str, int]]


def document_stream(
    tokenizer: Tokenizer, split: str, start: Position
) -> Iterator[tuple[Position, list[int]]]:
    """Endlessly: the position of a document's first token wanted, and its tokens from there."""
    shards = list_shards(split)
    bos = tokenizer.get_bos_token_id()
    first_document = start.rg_idx * ROW_GROUP + start.document_idx
    epoch, first_shard, skip = start.epoch, start.pq_idx, start.token_idx
    while True:
        for pq_idx in range(first_shard, len(shards)):
            documents = read_shard(shards[pq_idx])
            for index in range(first_document, len(documents)):
                tokens = tokenizer.encode(documents[index]["text"], prepend=bos)
                rg_idx, document_idx = divmod(index, ROW_GROUP)
                yield Position(epoch, pq_idx, rg_idx, document_idx, skip), tokens[skip:]
                skip = 0
            first_document = 0
        first_shard = 0
        epoch += 1


def row_stream(
    tokenizer: Tokenizer, sequence_len: int, split: str, start: Position
) -> Iterator[tuple[Position, list[int]]]:
    """Endlessly: rows of sequence_len + 1 tokens in dealing order, with their positions."""
    page_tokens = PAGE_ROWS * sequence_len
    window: list[int] = []
    documents: deque[tuple[Position, int]] = deque()  # those in the window, with their lengths
    dealt = start.dealt
    for position, tokens in document_stream(tokenizer, split, start):
        window += tokens
        documents.append((position, len(tokens)))
        while len(window) > page_tokens:  # the last target lies one beyond the page
            page, page_length = documents[0]
            for i in range(dealt, PAGE_ROWS):
                begin = i * DEAL_STRIDE % PAGE_ROWS * sequence_len
                yield replace(page, dealt=i), window[begin : begin + sequence_len + 1]
            dealt, used = 0, page_tokens
            del window[:used]
            while used >= page_length:
                used -= page_length
                documents.popleft()
                page, page_length = documents[0]
            documents[0] = (replace(page, token_idx=page.token_idx + used), page_length - used)


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
    rows = row_stream(tokenizer, sequence_len, split, Position(**resume_state_dict or {}))
    while True:
        everyones = [next(rows) for _ in range(batch_size * world_size)]
        mine = everyones[rank * batch_size : (rank + 1) * batch_size]
        tokens = torch.tensor([row for _, row in mine], device=device)
        yield tokens[:, :-1], tokens[:, 1:], asdict(everyones[0][0])


def data_loader(
    tokenizer: Tokenizer, batch_size: int, sequence_len: int, split: str, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The same batches from the beginning of the split, without positions."""
    for x, y, _ in data_loader_with_state(tokenizer, batch_size, sequence_len, split, device):
        yield x, y
