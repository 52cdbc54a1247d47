"""This machine's processor, to plan for where there is no GPU."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk.data import MachineFacts

from nanochat_host.core.planner.gpus import CPU
from nanochat_host.core.wire_config import GpuKind

FLOPS_PER_CORE = 15e9
"""Assumed until a run was measured: small models of float32 in torch reach 10 to 25 of the 50 to
100 GFLOP/s that a core could do."""


class Speed(NamedTuple):
    """What a run reached on the processor. flops: a second, over all its processes."""

    flops: float
    run: str


class Processor(NamedTuple):
    """memory_bytes: RAM, 0 for unknown. measured: by the newest run that tells."""

    cores: int
    memory_bytes: int
    measured: Speed | None = None

    def kind(self) -> GpuKind:
        """As something to plan for: its peak is what is reached, and it costs nothing an hour."""
        flops = self.measured.flops if self.measured else FLOPS_PER_CORE * max(1, self.cores)
        return GpuKind(CPU, self.memory_bytes, flops, 1.0, 1.0, 0.0, False)

    def said(self) -> str:
        """The assumption behind its hours, in a line."""
        speed = f"{self.kind().bf16_flops / 1e9:.3g} GFLOP/s on this machine's CPU"
        if self.measured:
            return f"{speed}, as the run {self.measured.run} reached"
        return f"{speed}, until a run here tells"


def processor_of(machine: MachineFacts, measured: Speed | None = None) -> Processor:
    """The machine's own."""
    return Processor(machine.cpu_count, machine.memory_bytes, measured)
