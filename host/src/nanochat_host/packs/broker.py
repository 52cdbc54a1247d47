"""The questions of one worker and what they came to, on their way between panel and core.

The host's gate: what was not granted is answered here and never leaves.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from nanochat_sdk.asks import Answer, Asked, permission_for

MAX_OPEN = 16
"""Questions of a panel that may be open at once; more are told to wait."""
A_FRAME = 4
"""Answers handed over with one frame: as many as fit beside the data."""


class Desk:
    """One for each worker, so that an answer that comes late reaches no other. granted: permissions
    the panel holds."""

    def __init__(self, granted: Container[str]) -> None:
        self._granted = granted
        self._wanted: list[Asked] = []
        self._open: set[int] = set()
        self._answers: dict[int, Answer] = {}

    def take_in(self, asks: Iterable[Asked]) -> None:
        """Questions that came with a reply. A number that is still open is not asked again."""
        for asked in asks:
            needed = permission_for(asked.ask)
            if asked.number in self._open:
                continue
            if len(self._open) >= MAX_OPEN:
                if len(self._answers) < 2 * MAX_OPEN:
                    self._answers[asked.number] = Answer("busy", f"{MAX_OPEN} questions are open")
                continue
            self._open.add(asked.number)
            if needed is None or needed not in self._granted:
                self._answers[asked.number] = Answer("denied", needed or "no permission covers it")
            else:
                self._wanted.append(asked)

    def take_wanted(self) -> list[Asked]:
        """Questions for the core, each once."""
        wanted, self._wanted = self._wanted, []
        return wanted

    def answer(self, number: int, answer: Answer) -> None:
        """What a question came to."""
        if number in self._open:
            self._answers[number] = answer

    @property
    def has_answers(self) -> bool:
        """Something waits for the next frame."""
        return bool(self._answers)

    def take_answers(self) -> dict[int, Answer]:
        """Answers for the next frame."""
        taken = dict(list(self._answers.items())[:A_FRAME])
        for number in taken:
            del self._answers[number]
            self._open.discard(number)
        return taken
