"""What the core last said about a run, to notice what changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from nanochat_sdk.data import RunFacts


class Seen:
    """Revisions at which facts and configuration changed. A step alone moves `step_rev` only: it
    would wake every panel, and panels that show metrics wake by those."""

    def __init__(self) -> None:
        self.facts: RunFacts | None = None
        self.config: dict[str, Any] = {}
        self.facts_rev = self.step_rev = self.config_rev = 1

    def compare(
        self, facts: RunFacts | None, config: dict[str, Any], clock: Callable[[], int]
    ) -> None:
        """Take up what the core says now."""
        if facts != self.facts:
            self.step_rev = clock()
            if not self._same_but_step(facts):
                self.facts_rev = self.step_rev
            self.facts = facts
        if config != self.config:
            self.config, self.config_rev = config, clock()

    def _same_but_step(self, facts: RunFacts | None) -> bool:
        if facts is None or self.facts is None:
            return False
        return msgspec.structs.replace(facts, step=self.facts.step) == self.facts
