"""A core made of lists that also answers `ask`, by method and path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app_rig import FakeCore
from nanochat_host.core.calls import Call

Answer = Callable[[Call[Any]], Any]


class AskCore(FakeCore):
    """answers: "METHOD /path" to what is answered, or raised, or to a function of the call. asked:
    every call, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Any] = {}
        self.asked: list[Call[Any]] = []

    async def ask(self, call: Call[Any]) -> Any:
        self._check()
        self.asked.append(call)
        found = self.answers[f"{call.method} {call.path.partition('?')[0]}"]
        if isinstance(found, Exception):
            raise found
        return found(call) if callable(found) else found

    def paths(self, method: str) -> list[str]:
        """Paths asked for with that method, in order."""
        return [call.path for call in self.asked if call.method == method]
