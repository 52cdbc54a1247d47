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
from nanochat_panels.meters import meter, share, spark

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
            why = fmt.plain(machine.gpu_note) or "training runs on the CPU"
            if machine.gpus:
                why = f"this machine has GPUs 0 to {len(machine.gpus) - 1}"
                return notice(f"no GPU {chosen} on this machine", why)
            return notice("no GPU on this machine", why)
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
        lines_each = min(room // max(len(shown), 1), PER_GPU)
        children: list[Child] = []
        for gpu in shown:
            children += [Child(part, size=1) for part in self._gpu(gpu, lines_each, size.width)]
        if hidden and room > 1:
            more: list[Span] = [(f"and {len(gpus) - len(shown)} more", "muted")]
            children.append(Child(Text(lines=[more]), size=1))
        return Stack(children=children[:32])

    def _gpu(self, gpu: GpuInfo, lines: int, width: int) -> list[Payload]:
        name = f"gpu/{gpu.index}/"
        util = self.latest(name + "util")
        used = self.latest(name + "mem_used")
        memory = f"{_gib(used)}/{_gib(gpu.memory_bytes)} GiB"
        load = self._load(gpu, util)
        if lines < 2:
            compact = f"{_percent(util)}  {memory}  {_unit(self.latest(name + 'temp'), '°C')}"
            return [meter(f"{gpu.index}", share(util, 100), compact, width, spark=load.spark)]
        bars = [load, self._memory(gpu, used, memory)]
        if lines >= 3:
            power = self.latest(name + "power")
            limit = gpu.power_limit_w
            watts = f"{_unit(power, '')}/{_unit(limit, ' W')}" if limit > 0 else _unit(power, " W")
            bars.append(Gauge(label="power", value=share(power, limit), text=watts, warn=0.98))
        if lines < PER_GPU:
            return list(bars[:lines])
        return [Text(lines=[self._title(gpu, width)]), *bars]

    def _load(self, gpu: GpuInfo, util: float | None) -> Gauge:
        history = self.data.series.get(f"gpu/{gpu.index}/util")
        return Gauge(
            label="load ", value=share(util, 100), text=_percent(util), spark=spark(history, 100)
        )

    def _memory(self, gpu: GpuInfo, used: float | None, text: str) -> Gauge:
        history = self.data.series.get(f"gpu/{gpu.index}/mem_used")
        return Gauge(
            label="VRAM ",
            value=share(used, gpu.memory_bytes),
            text=text,
            style="secondary",
            warn=0.92,
            error=0.98,
            spark=spark(history, gpu.memory_bytes),
        )

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


def _percent(value: float | None) -> str:
    return f"{fmt.integer(value):>3} %" if value is not None else fmt.UNKNOWN


def _unit(value: object, unit: str) -> str:
    return fmt.UNKNOWN if fmt.as_float(value) is None else fmt.integer(value) + unit
