"""The machine's GPUs: load, memory, power, temperature, clocks."""

from __future__ import annotations

from nanochat_sdk import (
    Capability,
    Child,
    Gauge,
    Needs,
    Payload,
    SeriesQuery,
    Size,
    Span,
    Stack,
    Text,
    notice,
)
from nanochat_sdk import format as fmt
from nanochat_sdk.data import GpuInfo

from nanochat_panels.base import DataPanel, empty
from nanochat_panels.meters import fitting, share, spark

PER_GPU = 4
"""Lines a GPU takes in full: its name and three bars."""


class Gpu(DataPanel):
    """Bars for every GPU, as detailed as the room allows; recent load as a sparkline."""

    def needs(self, size: Size) -> Needs:
        return Needs(
            series=(
                SeriesQuery("gpu/*/util", 60, "time"),
                SeriesQuery("gpu/*/mem_used", 60, "time"),
            ),
            latest=("gpu/*",),
            machine=True,
        )

    def render(self, size: Size) -> Payload:
        machine = self.data.machine
        if machine is None:
            if self.data.run is None and self.data.now and Capability.GPU not in self.data.denied:
                return notice("waiting for the machine's sampler", "it reports every second or so")
            return empty(self.data, "GPU readings", "they come every second", Capability.GPU)
        chosen = self.options.gpu
        gpus = [g for g in machine.gpus if chosen < 0 or g.index == chosen]
        if not gpus:
            why = fmt.plain(machine.gpu_note).removeprefix("no GPU: ")
            if machine.gpus:
                why = f"this machine has GPUs 0 to {len(machine.gpus) - 1}"
                return notice(f"no GPU {chosen} on this machine", why)
            return notice("no GPU on this machine", why or "training runs on the CPU")
        return self._columns(gpus, size)

    def _columns(self, gpus: list[GpuInfo], size: Size) -> Payload:
        """One column of GPUs, or two where the width allows and the height demands it."""
        if len(gpus) > 1 and size.width >= 90 and size.height < PER_GPU * len(gpus):
            half = -(-len(gpus) // 2)
            narrow = Size(size.width // 2 - 1, size.height)
            sides = [Child(self._stack(part, narrow)) for part in (gpus[:half], gpus[half:])]
            return Stack(children=sides, direction="horizontal", gap=2)
        return self._stack(gpus, size)

    def _stack(self, gpus: list[GpuInfo], size: Size) -> Payload:
        room = max(min(size.height, 31), 1)
        hidden = max(len(gpus) - room, 0)
        shown = gpus[: room - 1] if hidden and room > 1 else gpus[:room]
        lines_each = room // max(len(shown), 1)
        children: list[Child] = []
        for gpu in shown:
            children += [Child(part, size=1) for part in self._gpu(gpu, lines_each, size.width)]
        if hidden and room > 1:
            more: list[Span] = [(f"and {len(gpus) - len(shown)} more", "muted")]
            children.append(Child(Text(lines=[more]), size=1))
        return Stack(children=children[:32])

    def _gpu(self, gpu: GpuInfo, lines: int, width: int) -> list[Payload]:
        """A GPU in as many lines. Without a title of its own, its bars carry its index."""
        if lines >= PER_GPU:
            bars = [self._load(gpu, "load "), self._memory(gpu, "VRAM ", width)]
            return [Text(lines=[self._title(gpu, width)]), *bars, self._power(gpu, width)]
        index = str(gpu.index)
        if lines < 2:
            return [self._compact(gpu, index, width)]
        return [self._load(gpu, f"{index} load"), self._memory(gpu, f"{index} VRAM", width)]

    def _compact(self, gpu: GpuInfo, label: str, width: int) -> Gauge:
        bar = self._load(gpu, label)
        used = self.latest(f"gpu/{gpu.index}/mem_used")
        memory = f"{bar.text}  {_gib(used)}/{_gib(gpu.memory_bytes)} GiB"
        heat = _unit(self.latest(f"gpu/{gpu.index}/temp"), " °C")
        text = fitting((f"{memory}  {heat}", memory, bar.text), label, width)
        return Gauge(label=label, value=bar.value, text=text, spark=bar.spark)

    def _load(self, gpu: GpuInfo, label: str) -> Gauge:
        util = self.latest(f"gpu/{gpu.index}/util")
        return Gauge(
            label=label,
            value=share(util, 100),
            text=fmt.UNKNOWN if util is None else f"{fmt.integer(util):>3} %",
            spark=spark(self.data.series.get(f"gpu/{gpu.index}/util"), 100),
        )

    def _memory(self, gpu: GpuInfo, label: str, width: int) -> Gauge:
        used = self.latest(f"gpu/{gpu.index}/mem_used")
        texts = (f"{_gib(used)}/{_gib(gpu.memory_bytes)} GiB", f"{_gib(used)} GiB")
        return Gauge(
            label=label,
            value=share(used, gpu.memory_bytes),
            text=fitting(texts, label, width),
            style="secondary",
            warn=0.92,
            error=0.98,
            spark=spark(self.data.series.get(f"gpu/{gpu.index}/mem_used"), gpu.memory_bytes),
        )

    def _power(self, gpu: GpuInfo, width: int) -> Gauge:
        drawn, limit = self.latest(f"gpu/{gpu.index}/power"), gpu.power_limit_w
        texts = [f"{_unit(drawn, '')}/{_unit(limit, ' W')}"] if limit > 0 else []
        text = fitting((*texts, _unit(drawn, " W")), "power", width)
        return Gauge(label="power", value=share(drawn, limit), text=text, warn=0.98)

    def _title(self, gpu: GpuInfo, width: int) -> list[Span]:
        name = f"gpu/{gpu.index}/"
        temp = self.latest(name + "temp")
        hot = temp is not None and temp >= self.options.hot_c
        heat: Span = (_unit(temp, " °C"), "error" if hot else "")
        cores, memory = self.latest(name + "sm_clock"), self.latest(name + "mem_clock")
        clocks = f"{_unit(cores, '')}/{_unit(memory, ' MHz')}"
        label = f"{gpu.index} {fmt.plain(gpu.name, 60)}"
        room = width - fmt.cells(heat[0]) - fmt.cells(clocks) - 4
        if room < 12:
            return [
                (fmt.fit(label, max(width - fmt.cells(heat[0]) - 2, 1)), "bold"),
                ("  ", ""),
                heat,
            ]
        return [(fmt.fit(label, room), "bold"), ("  ", ""), heat, ("  ", ""), (clocks, "muted")]


def _gib(value: object) -> str:
    number = fmt.as_float(value)
    return fmt.UNKNOWN if number is None else fmt.number(number / 2**30, 3)


def _unit(value: object, unit: str) -> str:
    return fmt.UNKNOWN if fmt.as_float(value) is None else fmt.integer(value) + unit
