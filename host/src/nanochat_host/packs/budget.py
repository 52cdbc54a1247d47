"""What a pack may use while it runs, and whether it has used more. Pure: samples are given.

Hard limits bound one worker; a budget bounds what all panels of a pack use together, and processor
time as a share instead of a sum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec

from nanochat_host.packs.proc_stats import Usage

MIB = 1 << 20


class Budget(msgspec.Struct, frozen=True):
    """cores: processor time a second, over `window_s`. memory_bytes: resident memory that is not
    shared with other processes."""

    cores: float = 0.75
    memory_bytes: int = 512 * MIB
    window_s: float = 10.0


class Excess(msgspec.Struct, frozen=True):
    """pid: of the pack's workers the one that uses most. reason: for the panel's frame."""

    pid: int
    reason: str


class Meter:
    """Follows the workers of one pack."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._samples: deque[tuple[float, dict[int, float]]] = deque()
        self.cores = 0.0
        """Processor time a second, over what is known of the window."""
        self.memory_bytes = 0

    def excess(self, now_s: float, usages: Mapping[int, Usage]) -> Excess | None:
        """Take in what each worker (by pid) has used so far; what is too much, if anything is."""
        budget = self._budget
        memory = {pid: usage.private_bytes for pid, usage in usages.items()}
        self.memory_bytes = total = sum(memory.values())
        if total > budget.memory_bytes:
            worst = max(memory, key=memory.__getitem__)
            limit = f"{budget.memory_bytes // MIB} MiB"
            return Excess(worst, f"used {total // MIB} MiB of memory; its pack may use {limit}")
        return self._too_busy(now_s, {pid: usage.cpu_s for pid, usage in usages.items()})

    def _too_busy(self, now_s: float, cpu_s: dict[int, float]) -> Excess | None:
        samples, window_s = self._samples, self._budget.window_s
        samples.append((now_s, cpu_s))
        while len(samples) > 2 and now_s - samples[1][0] >= window_s:
            samples.popleft()
        since_s, before = samples[0]
        if now_s == since_s:
            return None
        # A worker that came later has used since then all that it has used.
        used = {pid: total - before.get(pid, 0.0) for pid, total in cpu_s.items()}
        self.cores = cores = max(0.0, sum(used.values()) / (now_s - since_s))
        if now_s - since_s < window_s or cores <= self._budget.cores:
            return None
        samples.clear()
        worst = max(used, key=used.__getitem__)
        allowed = f"{self._budget.cores:g}"
        return Excess(
            worst, f"used {cores:.2g} cores for {window_s:g} s; its pack may use {allowed}"
        )
