"""The measures of a report card, and the names that logs, metadata and reports give them."""

from __future__ import annotations

import re

MEASURES = (
    "CORE", "ARC-Easy", "ARC-Challenge", "MMLU", "GSM8K", "HumanEval", "SpellingBee", "ChatCORE",
    "ChatCORE_cat", "Pass@1", "Pass@8", "val bpb", "train bpb", "val loss",
)  # fmt: skip
"""In the order of the card."""
LOWER = frozenset({"val bpb", "train bpb", "val loss"})
"""Smaller is better."""

_ALIASES = {
    "core metric": "CORE", "core metric estimate": "CORE", "chatcore metric": "ChatCORE",
    "arc easy acc": "ARC-Easy", "arc challenge acc": "ARC-Challenge", "mmlu acc": "MMLU",
    "gsm8k acc": "GSM8K", "humaneval acc": "HumanEval", "spellingbee acc": "SpellingBee",
    "validation bpb": "val bpb", "final validation bpb": "val bpb",
    "minimum validation bpb": "val bpb", "validation loss": "val loss",
}  # fmt: skip
_WORD = re.compile(r"[\s_/-]+")


def _spelled(name: str) -> str:
    return _WORD.sub(" ", name.strip().lower())


_KNOWN = {_spelled(name): name for name in MEASURES} | _ALIASES


def measure_of(name: str) -> str:
    """The measure a name stands for ("mmlu_acc", "chatcore/MMLU", "Final validation bpb"), "" if it
    is none of the card's."""
    return _KNOWN.get(_spelled(name.removeprefix("chatcore/")), "")


def order(name: str) -> tuple[int, str]:
    """Sort key of a measure: the card's order, then by name."""
    return (MEASURES.index(name) if name in MEASURES else len(MEASURES), name)
