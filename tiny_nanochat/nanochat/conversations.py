"""Questions and answers about Python's library, made from the docstrings in the shards."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nanochat.dataset import list_shards, read_shard
from nanochat.tokenizer import Tokenizer
from nanochat.torch_setup import torch

Conversation = dict[str, list[dict[str, str]]]


def first_sentence(docstring: str) -> str:
    """The first paragraph in one line, up to its first full stop."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".") + "."


def question_and_answer(question: str, answer: str) -> Conversation:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def make_conversations(split: str, limit: int) -> list[Conversation]:
    """Up to `limit` conversations from the documents of a split, in their order."""
    found: list[Conversation] = []
    for shard in list_shards(split):
        for document in read_shard(shard):
            if len(found) >= limit:
                return found[:limit]
            try:
                tree = ast.parse(document["text"])
            except (SyntaxError, ValueError):  # a document that begins within a class
                continue
            found += _about(document["name"], tree)
    return found


def _about(module: str, tree: ast.Module) -> Iterator[Conversation]:
    if docstring := ast.get_docstring(tree):
        yield question_and_answer(f"What is the module {module} for?", first_sentence(docstring))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
            verb = "do" if isinstance(node, ast.FunctionDef) else "stand for"
            question = f"What does {module}.{node.name} {verb}?"
            yield question_and_answer(question, first_sentence(text))


def conversation_batches(
    conversations: list[Conversation],
    tokenizer: Tokenizer,
    batch_size: int,
    sequence_len: int,
    device: torch.device,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    """Endlessly: inputs, targets (batch_size, sequence_len) and the epoch, this rank's share.

    One conversation a row, cut to fit. Targets are -1 where there is nothing to learn: in the
    question, and after the end. A conversation whose answer is cut off entirely is left out.
    """
    bos = tokenizer.get_bos_token_id()
    rows: list[tuple[list[int], list[int]]] = []
    for conversation in conversations:
        ids, mask = tokenizer.render_conversation(conversation, max_tokens=sequence_len + 1)
        if any(mask):
            padding = sequence_len + 1 - len(ids)
            targets = [i if learn else -1 for i, learn in zip(ids[1:], mask[1:], strict=True)]
            rows.append(((ids + [bos] * padding)[:-1], targets + [-1] * padding))
    seen = rank * batch_size
    while rows:
        share = [rows[(seen + i) % len(rows)] for i in range(batch_size)]
        x, y = (torch.tensor(side, device=device) for side in zip(*share, strict=True))
        yield x, y, 1 + seen // len(rows)
        seen += batch_size * world_size
