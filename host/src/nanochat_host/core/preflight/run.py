"""All checks, the gravest finding first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nanochat_host.core.config.check import say
from nanochat_host.core.preflight import batch, data, disk, environment, hardware, starting
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import FieldProblem, Finding

Check = Callable[[Situation], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    batch.divides,
    batch.world_size,
    batch.eval_steps,
    batch.horizon,
    data.tokenizer,
    data.replaced_tokenizer,
    data.shards,
    data.row_groups,
    starting.checkpoint,
    starting.architecture,
    starting.shape,
    starting.tokenizer_of_checkpoint,
    starting.ranks,
    starting.conversations,
    starting.counts_micro_batches,
    hardware.processes,
    hardware.memory,
    hardware.sliding_windows,
    hardware.fp8,
    disk.writable,
    disk.room,
    environment.torch,
)
_ORDER = {"error": 0, "warning": 1, "note": 2}


def _fix(problem: FieldProblem) -> dict[str, Any]:
    """The nearest value; what a prefab says in vain is left out."""
    if problem.nearest is not None:
        return {problem.name: problem.nearest}
    return {problem.name: None} if problem.where else {}


def preflight(situation: Situation) -> list[Finding]:
    """What is wrong with the values themselves, then what every check finds."""
    found = [
        Finding(
            "error",
            "value",
            say(problem),
            "the script would refuse it, or fail later",
            _fix(problem),
        )
        for problem in situation.config.problems
    ]
    for check in CHECKS:
        found += check(situation)
    return sorted(found, key=lambda finding: _ORDER[finding.severity])
