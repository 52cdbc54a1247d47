"""From tokens to text: characters whole, special tokens taken out, tool calls told apart."""

from __future__ import annotations

from typing import Any

from .loading import ENDS

MAX_PENDING = 8
"""A character has at most 4 bytes, so at most so many tokens are ever held back for one."""
_TURNS = {
    "<|python_start|>": "tool",
    "<|python_end|>": "text",
    "<|output_start|>": "output",
    "<|output_end|>": "text",
}


class Speech:
    """tokens: heard so far. ended: the model said that it has finished."""

    def __init__(self, loaded: Any) -> None:
        self._decode = loaded.tokenizer.decode
        self._special = {number: word for word, number in loaded.special.items()}
        self._pending: list[int] = []
        self._kind = "text"
        self.tokens = 0
        self.ended = False

    def hear(self, token: int) -> list[tuple[str, str]]:
        """What can be shown now: (kind, text) pieces."""
        word = self._special.get(token)
        if word in ENDS:
            self.ended = True
            return self.rest()
        self.tokens += 1
        if word is not None:
            before = self.rest()
            self._kind = _TURNS.get(word, self._kind)
            return before
        self._pending.append(token)
        text = self._decode(self._pending)
        if text.endswith("\ufffd") and len(self._pending) < MAX_PENDING:
            return []
        self._pending.clear()
        return [(self._kind, text)] if text else []

    def rest(self) -> list[tuple[str, str]]:
        """What was held back, whole or not."""
        text = self._decode(self._pending) if self._pending else ""
        self._pending.clear()
        return [(self._kind, text)] if text else []
