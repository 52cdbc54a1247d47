"""How a run fares: each part judged by its threshold, with the reason."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from nanochat_host.core.telemetry.alerts import AlertEngine
from nanochat_host.core.telemetry.health import health
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.machine import Machine
from nanochat_host.core.telemetry.rules import Finding
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.telemetry.system import Sampler
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.paths import RunPaths
from nanochat_sdk.data import GpuInfo, MachineFacts, RunFacts

GIB = float(2**30)


def machine(readings: dict[str, float], gpus: int = 0) -> Machine:
    made = Machine(Sampler(Path("/")), count(1).__next__)
    found = [GpuInfo(n, "H100", 80 * 2**30) for n in range(gpus)]
    facts = MachineFacts(memory_bytes=16 * 2**30, disk_path="/runs", gpus=found)
    made.take(time.time(), readings, {}, facts)
    return made


def parts(*arguments: object) -> dict[str, HealthPart]:
    return {part.key: part for part in health(*arguments)}  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> RunTelemetry:
    return RunTelemetry(RunPaths(tmp_path), count(1).__next__, live=True)


def write(run: RunTelemetry, values: Callable[[int], dict[str, float]], steps: int = 20) -> None:
    with run.run.events_jsonl.open("a") as file:
        for step in range(steps):
            row = {"ts": time.time(), "kind": "metric", "step": step, **values(step)}
            file.write(json.dumps(row) + "\n")
    while run.slice():
        pass


@pytest.mark.parametrize(
    ("used", "level", "text"), [(60, "good", "20.0"), (77, "warn", "3.00"), (79.5, "bad", "0.5")]
)
def test_the_fullest_gpu_counts(used: float, level: str, text: str) -> None:
    readings = {"gpu/0/mem_used": 10 * GIB, "gpu/1/mem_used": used * GIB}
    found = parts(machine(readings, gpus=2), AlertLimits())
    assert found["gpu"].label == "GPU 1" and found["gpu"].level == level
    assert "device-batch-size" in found["gpu"].why and "memory" not in found


def test_without_a_gpu_it_is_the_machines_memory() -> None:
    found = parts(machine({"sys/mem_used": 15.5 * GIB}), AlertLimits())
    assert found["memory"].level == "bad" and "gpu" not in found


@pytest.mark.parametrize(("free", "level"), [(50, "good"), (4, "warn"), (0.5, "bad")])
def test_disk_by_the_limit_that_alerts_have(free: float, level: str) -> None:
    found = parts(machine({"sys/disk_free": free * GIB}), AlertLimits(disk_low_gib=5))
    assert found["disk"].level == level and "/runs" in found["disk"].why
    strict = parts(machine({"sys/disk_free": 50 * GIB}), AlertLimits(disk_low_gib=60))
    assert strict["disk"].level == "warn"


@pytest.mark.parametrize(
    ("metric", "waits", "text", "level"),
    [("time/data", 0.02, "2 %", "good"), ("time/dataloader_ms", 200, "20 %", "warn"),
     ("time/data", 0.4, "40 %", "bad")],
)  # fmt: skip
def test_the_share_of_data_loading(
    run: RunTelemetry, metric: str, waits: float, text: str, level: str
) -> None:
    write(run, lambda step: {metric: waits, "train/dt": 1.0})
    found = parts(machine({}), AlertLimits(), run, RunFacts("r", "r", "running"))
    assert (found["data"].text, found["data"].level) == (text, level)
    assert "controller" not in found, "there is none"


def test_a_controller_where_there_is_one(run: RunTelemetry) -> None:
    write(run, lambda step: {"mc/time_controller_ms": 945.0})
    found = parts(machine({}), AlertLimits(), run, RunFacts("r", "r", "running"))
    assert found["controller"].level == "warn" and "945" in found["controller"].text
    assert "data" not in found, "the run does not say"


def test_sources_as_the_run_says_and_why(
    run: RunTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    run.outside["wandb"] = Heard(at=now - 500, retrying="HTTP 503, again in 8 s")
    run.outside["otlp"] = Heard(at=now - 45)
    write(run, lambda step: {"train/loss": 1.0})
    facts = RunFacts("r", "r", "running", sources=run.facts.sources)
    found = parts(machine({}), AlertLimits(), run, facts)
    assert (found["source:wandb"].text, found["source:wandb"].level) == ("retrying", "warn")
    assert "503" in found["source:wandb"].why
    assert (found["source:otlp"].text, found["source:otlp"].level) == ("stale 40 s", "warn")
    assert found["source:log"].level == "off"
    run.live = False
    facts = RunFacts("r", "r", "done", sources=run.facts.sources)
    ended = parts(machine({}), AlertLimits(), run, facts)
    assert (ended["source:otlp"].text, ended["source:otlp"].level) == ("ended", "off")


def test_alerts_are_counted_by_the_gravest() -> None:
    engine = AlertEngine()
    assert parts(machine({}), AlertLimits(), None, None, engine)["alerts"].level == "good"
    engine.active["slow"] = Finding("warning", "slow")
    assert parts(machine({}), AlertLimits(), None, None, engine)["alerts"].level == "warn"
    engine.active["not_finite"] = Finding("error", "nan")
    found = parts(machine({}), AlertLimits(), None, None, engine)["alerts"]
    assert (found.text, found.level) == ("2", "bad") and "not finite" in found.why


def test_how_long_a_source_is_quiet_is_said_in_steps() -> None:
    said = [Heard(at=1000.0).state(1000.0 + age, live=True) for age in (29, 30, 47, 119, 200, 8000)]
    assert said == ["live", "stale 30 s", "stale 40 s", "stale 110 s", "stale 3 min", "stale 2 h"]
    assert Heard(at=1000.0).state(1001.0, live=False) == "ended"
    assert Heard(at=1000.0, patience_s=90).state(1080.0, live=True) == "live"
