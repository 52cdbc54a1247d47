"""The machine: CPU, memory, disk, and what the run itself takes of them."""

from __future__ import annotations

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

from nanochat_panels.base import DataPanel, empty
from nanochat_panels.meters import share, spark

NAMES = ("sys/cpu", "sys/mem_used", "sys/disk_free", "sys/proc_cpu", "sys/proc_rss")


class System(DataPanel):
    """One bar for each resource, with its recent history."""

    def needs(self, size: Size) -> Needs:
        return Needs(
            series=tuple(SeriesQuery(name, 60, "time") for name in NAMES if "disk" not in name),
            latest=NAMES,
            machine=True,
        )

    def render(self, size: Size) -> Payload:
        machine = self.data.machine
        if machine is None or not any(name in self.data.latest for name in NAMES):
            if Capability.GPU not in self.data.denied and self.data.now:
                return notice("waiting for the machine's sampler", "it reports every second or so")
            return empty(self.data, "machine readings", "they come every second", Capability.GPU)
        gauges = [*self._machine(machine), *self._run(machine)][: max(size.height, 1)]
        return Stack(children=[Child(gauge, size=1) for gauge in gauges])

    def _machine(self, machine: MachineFacts) -> list[Gauge]:
        cpu, used = self.latest("sys/cpu"), self.latest("sys/mem_used")
        free = self.latest("sys/disk_free")
        full = share(free, machine.disk_bytes)
        cores = f" of {machine.cpu_count}" if machine.cpu_count > 0 else ""
        return [
            self._gauge("cpu    ", share(cpu, 100), f"{_percent(cpu)}{cores}", "sys/cpu", 100),
            self._gauge(
                "memory ",
                share(used, machine.memory_bytes),
                f"{fmt.size(used)} of {fmt.size(machine.memory_bytes)}",
                "sys/mem_used",
                machine.memory_bytes,
                limits=True,
            ),
            Gauge(
                label="disk   ",
                value=None if full is None else 1.0 - full,
                text=f"{fmt.size(free)} free",
                warn=self.options.disk_warn / 100,
                error=0.98,
            ),
        ]

    def _run(self, machine: MachineFacts) -> list[Gauge]:
        """What the run's processes take, if there is one."""
        cpu, rss = self.latest("sys/proc_cpu"), self.latest("sys/proc_rss")
        whole = 100 * max(machine.cpu_count, 1)
        out: list[Gauge] = []
        if cpu is not None:
            text = f"{fmt.number(cpu / 100, 2)} cores"
            out.append(self._gauge("run cpu", share(cpu, whole), text, "sys/proc_cpu", whole))
        if rss is not None:
            memory = machine.memory_bytes
            out.append(
                self._gauge("run mem", share(rss, memory), fmt.size(rss), "sys/proc_rss", memory)
            )
        return out

    def _gauge(
        self, label: str, value: float | None, text: str, name: str, whole: float, *,
        limits: bool = False,
    ) -> Gauge:  # fmt: skip
        return Gauge(
            label=label,
            value=value,
            text=text,
            style="secondary" if name.startswith("sys/proc") else "primary",
            warn=0.85 if limits else None,
            error=0.95 if limits else None,
            spark=spark(self.data.series.get(name), whole),
        )


def _percent(value: float | None) -> str:
    return fmt.UNKNOWN if value is None else f"{fmt.integer(value)} %"
