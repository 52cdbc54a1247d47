"""From turns to tokens, as the checkout's own chat does it."""

from __future__ import annotations

from typing import Any

from .loading import CHAT, Loaded

_MARKS = {
    "tool": ("<|python_start|>", "<|python_end|>"),
    "output": ("<|output_start|>", "<|output_end|>"),
}


def tokens_of(loaded: Loaded, request: dict[str, Any]) -> list[int]:
    """The prompt of a "say" request. turns: [{"role", "parts": [[kind, text], ...]}], ending with
    the person's. Raises ValueError for a model that has no conversation tokens."""
    turns = request["turns"]
    tokens = [loaded.special["<|bos|>"]] if "<|bos|>" in loaded.special else []
    if request.get("mode") == "continue":
        for turn in turns:
            tokens += plain(loaded, "".join(text for _, text in turn["parts"]))
        return tokens
    missing = [word for word in CHAT if word not in loaded.special]
    if missing:
        raise ValueError(f"its tokenizer has no {missing[0]}: it can only continue a text")
    for turn in turns:
        start, end = (loaded.special[f"<|{turn['role']}_{edge}|>"] for edge in ("start", "end"))
        tokens.append(start)
        for kind, text in turn["parts"]:
            marks = [
                loaded.special[mark] for mark in _MARKS.get(kind, ()) if mark in loaded.special
            ]
            body = plain(loaded, text)
            tokens += [marks[0], *body, marks[1]] if len(marks) == 2 else body
        tokens.append(end)
    return [*tokens, loaded.special["<|assistant_start|>"]]


def plain(loaded: Loaded, text: str) -> list[int]:
    """Tokens of a text; special tokens written out in it stay text."""
    return [int(token) for token in loaded.tokenizer.encode(text)]
