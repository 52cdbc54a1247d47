"""How a run and its machine fare, in a few words each: computed once, shown by every client."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from nanochat_sdk.data import RunFacts
from nanochat_sdk.format import latency, percent, size

from nanochat_host.core.telemetry.alerts import AlertEngine
from nanochat_host.core.telemetry.machine import Machine
from nanochat_host.core.telemetry.rules import DISK_ERROR_BYTES, newest
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_health import SOURCES, HealthPart, Level

STEPS = 16
"""Shares and latencies are means over so many steps."""
GPU_WARN, GPU_BAD = 0.05, 0.02
MEMORY_WARN, MEMORY_BAD = 0.10, 0.04
DATA_WARN, DATA_BAD = 0.10, 0.30
CONTROLLER_WARN_S, CONTROLLER_BAD_S = 0.2, 1.0
_DATA = (("time/data", 1.0), ("time/dataloader_ms", 1e-3))
_CONTROLLER = (("mc/time_controller_ms", 1e-3), ("time/controller", 1.0))
"""Metrics that tell it, the first that a run has, and what makes seconds of them."""
_SOURCE_WHY = {
    "hook": "values of the training loop, each step; off: the script has no loop we can drive",
    "log": "what the trainer prints",
    "wandb": "W&B's own file or its service; off: the run does not use it, or there is no login",
    "otlp": "spans and metrics sent to this machine; off: none came for this run",
}


def health(
    machine: Machine,
    limits: AlertLimits,
    run: RunTelemetry | None = None,
    facts: RunFacts | None = None,
    alerts: AlertEngine | None = None,
) -> list[HealthPart]:
    """The parts in the order they are shown. Without a run, the machine's alone."""
    parts = [_gpu(machine) or _memory(machine)]
    if run is not None and facts is not None:
        parts += [_data(run), _controller(run), *_sources(run, facts)]
    parts.append(_disk(machine, limits))
    if alerts is not None:
        parts.append(_alerts(alerts))
    return [part for part in parts if part is not None]


def _level(value: float, warn: float, bad: float) -> Level:
    """More is worse where `bad` is greater than `warn`, else less is."""
    if bad > warn:
        return "bad" if value >= bad else "warn" if value >= warn else "good"
    return "bad" if value < bad else "warn" if value < warn else "good"


def _gpu(machine: Machine) -> HealthPart | None:
    """The GPU with the least memory left."""
    found = [
        (gpu.memory_bytes - used, gpu)
        for gpu in machine.facts.gpus
        if (used := machine.latest(f"gpu/{gpu.index}/mem_used")) is not None and gpu.memory_bytes
    ]
    if not found:
        return None
    free, gpu = min(found, key=lambda pair: pair[0] / pair[1].memory_bytes)
    which = f"GPU {gpu.index}" if len(found) > 1 else "GPU"
    return HealthPart(
        "gpu",
        which,
        f"{size(max(0.0, free))} free",
        _level(free / gpu.memory_bytes, GPU_WARN, GPU_BAD),
        f"of {size(gpu.memory_bytes)}, the least of {len(found)} GPUs; short of it: halve "
        "--device-batch-size, the total batch stays the same",
    )


def _memory(machine: Machine) -> HealthPart | None:
    """The machine's own memory, where there is no GPU."""
    total, used = machine.facts.memory_bytes, machine.latest("sys/mem_used")
    if not total or used is None:
        return None
    return HealthPart(
        "memory",
        "RAM",
        f"{size(max(0.0, total - used))} free",
        _level(1 - used / total, MEMORY_WARN, MEMORY_BAD),
        f"of {size(total)}; there is no GPU. Short of it: end other programs, or halve "
        "--device-batch-size",
    )


def _mean(run: RunTelemetry, name: str) -> float | None:
    found = [v for v in newest(run.store.columns.get(name), STEPS) if isfinite(v)]
    return sum(found) / len(found) if found else None


def _first(run: RunTelemetry, names: tuple[tuple[str, float], ...]) -> float | None:
    """Seconds, by the first of these metrics that the run has."""
    for name, scale in names:
        if (value := _mean(run, name)) is not None:
            return value * scale
    return None


def _data(run: RunTelemetry) -> HealthPart | None:
    waiting, step = _first(run, _DATA), _mean(run, "train/dt")
    if waiting is None or not step:
        return None
    share = min(1.0, waiting / step)
    return HealthPart(
        "data",
        "data",
        percent(100 * share, 0),
        _level(share, DATA_WARN, DATA_BAD),
        f"{latency(waiting)} of a step of {latency(step)} go into loading data; much of it: a slow "
        "disk, or too few CPU cores for the tokenizer",
    )


def _controller(run: RunTelemetry) -> HealthPart | None:
    value = _first(run, _CONTROLLER)
    if value is None:
        return None
    return HealthPart(
        "controller",
        "controller",
        latency(value),
        _level(value, CONTROLLER_WARN_S, CONTROLLER_BAD_S),
        f"time of the controller in a step; above {latency(CONTROLLER_WARN_S)} it holds up "
        "training",
    )


def _sources(run: RunTelemetry, facts: RunFacts) -> Iterator[HealthPart]:
    for name, label in SOURCES.items():
        state = facts.sources.get(name, "off")
        heard = run.outside.get(name)
        because = (heard.off or heard.retrying) if heard else ""
        level: Level = "good" if state == "live" else "off" if state in ("off", "ended") else "warn"
        yield HealthPart(f"source:{name}", label, state, level, because or _SOURCE_WHY[name])


def _disk(machine: Machine, limits: AlertLimits) -> HealthPart | None:
    free = machine.latest("sys/disk_free")
    if free is None:
        return None
    return HealthPart(
        "disk",
        "disk",
        size(free),
        _level(free, limits.disk_low_gib * 2**30, DISK_ERROR_BYTES),
        f"free where runs are kept, {machine.facts.disk_path}; short of it: delete old "
        "checkpoints, or save less often",
    )


def _alerts(alerts: AlertEngine) -> HealthPart:
    count = len(alerts.active)
    grave = any(found.severity == "error" for found in alerts.active.values())
    names = ", ".join(rule.replace("_", " ") for rule in alerts.active)
    return HealthPart(
        "alerts",
        "alert" if count == 1 else "alerts",
        str(count) if count else "no",
        "bad" if grave else "warn" if count else "good",
        f"{names}: the alerts screen says what to do" if names else "nothing is wrong",
    )
