"""The machine: CPU, memory, disk, and what the run itself takes of them."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk import (
    Capability,
    Child,
    Gauge,
    Needs,
    Payload,
    SeriesQuery,
    Size,
    Stack,
    notice,
)
from nanochat_sdk import format as fmt
from nanochat_sdk.data import MachineFacts

from nanochat_panels.base import ACTIVE, DataPanel, empty
from nanochat_panels.meters import fitting, recent, share, spark

NAMES = ("sys/cpu", "sys/mem_used", "sys/disk_free", "sys/proc_cpu", "sys/proc_rss")


class System(DataPanel):
    """One bar for each resource, with its recent history."""

    def needs(self, size: Size) -> Needs:
        return Needs(
            series=tuple(
                SeriesQuery(name, 60, "time", recent(self.data))
                for name in NAMES
                if "disk" not in name
            ),
            latest=NAMES,
            machine=True,
        )

    def render(self, size: Size) -> Payload:
        machine = self.data.machine
        if machine is None or not any(name in self.data.latest for name in NAMES):
            if Capability.GPU not in self.data.denied and self.data.now:
                return notice("waiting for the machine's sampler", "it reports every second or so")
            return empty(self.data, "machine readings", "they come every second", Capability.GPU)
        gauges = [*self._machine(machine, size.width), *self._run(machine, size.width)]
        return Stack(children=[Child(gauge, size=1) for gauge in gauges[: max(size.height, 1)]])

    def _machine(self, machine: MachineFacts, width: int) -> list[Gauge]:
        cpu, used = self.latest("sys/cpu"), self.latest("sys/mem_used")
        load = fmt.UNKNOWN if cpu is None else f"{fmt.integer(cpu)} %"
        memory = fmt.size(used)
        loads = (f"{load} of {machine.cpu_count} cores", load) if machine.cpu_count > 0 else (load,)
        memories = (f"{memory} of {fmt.size(machine.memory_bytes)}", memory)
        return [
            self._gauge("cpu    ", "sys/cpu", 100, loads, width),
            self._gauge("memory ", "sys/mem_used", machine.memory_bytes, memories, width),
            self._disk(machine, width),
        ]

    def _disk(self, machine: MachineFacts, width: int) -> Gauge:
        free = self.latest("sys/disk_free")
        part = share(free, machine.disk_bytes)
        used = None if part is None else 1.0 - part
        percent = fmt.UNKNOWN if used is None else f"{fmt.integer(100 * used)} %"
        left = f"{fmt.size(free)} free"
        texts = (f"{left} of {fmt.size(machine.disk_bytes)}", left, percent)
        return Gauge(
            label="disk   ",
            value=used,
            text=fitting(texts, "disk   ", width),
            warn=self.options.disk_warn / 100,
            error=0.98,
        )

    def _run(self, machine: MachineFacts, width: int) -> list[Gauge]:
        """What the run's processes take, if there is one."""
        if self.data.run is not None and self.data.run.state not in ACTIVE:
            return []  # what was last read is no fact of now
        cpu, rss = self.latest("sys/proc_cpu"), self.latest("sys/proc_rss")
        out: list[Gauge] = []
        if cpu is not None:
            cores = fmt.number(cpu / 100, 2)
            whole = 100 * max(machine.cpu_count, 1)
            texts = (f"{cores} cores", cores)
            out.append(self._gauge("run cpu", "sys/proc_cpu", whole, texts, width))
        if rss is not None:
            text = fmt.size(rss)
            out.append(self._gauge("run mem", "sys/proc_rss", machine.memory_bytes, [text], width))
        return out

    def _gauge(
        self, label: str, metric: str, whole: float, texts: Sequence[str], width: int
    ) -> Gauge:
        """A reading as a part of `whole`. Memory warns: when it is full, runs are killed."""
        scarce = metric == "sys/mem_used"
        return Gauge(
            label=label,
            value=share(self.latest(metric), whole),
            text=fitting(texts, label, width),
            style="secondary" if metric.startswith("sys/proc") else "primary",
            warn=0.85 if scarce else None,
            error=0.95 if scarce else None,
            spark=spark(self.data.series.get(metric), whole),
        )
