"""What the UI knows from the core. Handlers of the app write it, screens read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto

from nanochat_sdk.data import RunFacts, RunState

from nanochat_host.core.wire import CheckoutRef, RunSummary
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.core.wire_queue import QueueInfo

LIVE_STATES: frozenset[RunState] = frozenset(
    {"queued", "starting", "running", "paused", "stopping"}
)


class CoreState(StrEnum):
    """How the UI stands with the core."""

    CONNECTING = "connecting"
    UP = "up"
    AWAY = "away"


class Topic(Flag):
    """Parts of the model; a signal names those that changed."""

    CORE = auto()
    RUNS = auto()
    RUN = auto()
    MACHINE = auto()
    LOG = auto()


ALL_TOPICS = Topic.CORE | Topic.RUNS | Topic.RUN | Topic.MACHINE | Topic.LOG


@dataclass
class Model:
    """core_note: why the core is away. run_id: the run on show, "" for none. run: its newest
    facts. compared: ids of the runs marked to be compared. gpu: one line. trouble: what is wrong
    with that run in two words, or "". loaded: the first answer has come."""

    core: CoreState = CoreState.CONNECTING
    core_note: str = ""
    run_id: str = ""
    run: RunFacts | None = None
    runs: list[RunSummary] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    checkouts: list[CheckoutRef] = field(default_factory=list)
    queue: QueueInfo = field(default_factory=QueueInfo)
    gpu: str = ""
    health: list[HealthPart] = field(default_factory=list)
    trouble: str = ""
    loaded: bool = False

    @property
    def live(self) -> bool:
        """The run on show has not ended."""
        return self.run is not None and self.run.state in LIVE_STATES

    @property
    def wandb(self) -> str:
        """State of the W&B source of the run on show: "live", "stale", "ended", "off" or ""."""
        return self.run.sources.get("wandb", "") if self.run else ""

    def summary(self, run_id: str) -> RunSummary | None:
        """The row of that run in the list, or None."""
        return next((row for row in self.runs if row.facts.id == run_id), None)

    def take_facts(self, facts: RunFacts) -> None:
        """Newest facts of a run: of the run on show, and of its row in the list."""
        if facts.id == self.run_id:
            self.run = facts
        row = self.summary(facts.id)
        if row is not None:
            row.facts = facts


def resolve_run(runs: list[RunSummary], word: str) -> str | None:
    """Id of the run meant by `word`: "last", an id, a name (the newest of that name), or a part of
    an id that fits one run only. None when nothing or more than one run fits."""
    facts = sorted((row.facts for row in runs), key=lambda f: f.created_at, reverse=True)
    if word == "last":
        return facts[0].id if facts else None
    exact = [f.id for f in facts if f.id == word] or [f.id for f in facts if f.name == word]
    if exact:
        return exact[0]
    partial = [f.id for f in facts if word in f.id]
    return partial[0] if len(partial) == 1 else None
