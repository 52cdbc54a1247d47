"""The machine's readings: with GPUs, without, and with GPUs that go away."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.core.telemetry.machine import Machine
from nanochat_host.core.telemetry.nvml import Gpus
from nanochat_host.core.telemetry.ring import COARSE_S, FINE, TimeRing
from nanochat_host.core.telemetry.system import Sampler
from nanochat_sdk.data import GpuInfo, MachineFacts, SeriesQuery
from nanochat_sdk.payload import unpack


class FakeNvml:
    """pynvml with two GPUs; `broken` names functions that fail."""

    NVML_TEMPERATURE_GPU, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2
    NVML_ERROR_LIBRARY_NOT_FOUND = 12

    class NVMLError(Exception):
        def __init__(self, value: int = 3) -> None:
            super().__init__(f"code {value}")
            self.value = value

    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.broken: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlInit": None, "nvmlShutdown": None, "nvmlDeviceGetCount": self.count,
            "nvmlDeviceGetName": b"NVIDIA H100 80GB HBM3", "nvmlDeviceGetPowerUsage": 312_000,
            "nvmlDeviceGetPowerManagementLimit": 700_000, "nvmlDeviceGetTemperature": 62,
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 * 2**30, used=71 * 2**30),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=97),
            "nvmlDeviceGetHandleByIndex": "handle", "nvmlDeviceGetClockInfo": 1980,
        }  # fmt: skip

        def call(*args: Any) -> Any:
            if name in self.broken:
                raise self.NVMLError(self.broken[name])
            return answers[name]

        return call


def test_gpus_are_read() -> None:
    gpus = Gpus(FakeNvml)
    gpus.open()
    assert gpus.note == ""
    assert gpus.infos[1] == GpuInfo(1, "NVIDIA H100 80GB HBM3", 80 * 2**30, 700.0)
    readings = gpus.read()
    assert readings["gpu/0/util"] == 97.0
    assert readings["gpu/1/mem_used"] == 71 * 2**30
    assert readings["gpu/1/power"] == 312.0
    assert (readings["gpu/0/temp"], readings["gpu/0/sm_clock"]) == (62.0, 1980.0)


def test_no_driver_is_a_state_with_words() -> None:
    nvml = FakeNvml()
    nvml.broken = {"nvmlInit": 12}
    gpus = Gpus(lambda: nvml)
    gpus.open()
    assert gpus.note == "no GPU: no NVIDIA driver found"
    assert gpus.infos == [] and gpus.read() == {}
    gpus.close()


def test_no_package_is_a_state_with_words() -> None:
    def load() -> Any:
        raise ImportError

    gpus = Gpus(load)
    gpus.open()
    assert "not installed" in gpus.note


def test_a_driver_without_gpus() -> None:
    gpus = Gpus(lambda: FakeNvml(0))
    gpus.open()
    assert gpus.note == "no GPU: the driver reports none"


def test_what_a_gpu_does_not_give_is_left_out() -> None:
    nvml = FakeNvml()
    gpus = Gpus(lambda: nvml)
    gpus.open()
    nvml.broken = {"nvmlDeviceGetPowerUsage": 3}
    assert "gpu/0/power" not in gpus.read() and "gpu/0/util" in gpus.read()


def test_a_gpu_that_goes_away_comes_back() -> None:
    nvml = FakeNvml()
    gpus = Gpus(lambda: nvml)
    gpus.open()
    nvml.broken = {"nvmlDeviceGetMemoryInfo": 15}
    assert gpus.read() == {}
    assert gpus.note.startswith("GPU lost: code 15")
    nvml.broken = {}
    gpus.read()
    assert gpus.note == "" and gpus.read()["gpu/0/util"] == 97.0


def test_this_machine_is_read(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path / "not" / "there" / "yet", Gpus(lambda: FakeNvml(0)))
    sampler.open()
    readings = sampler.read()
    facts = sampler.facts()
    assert 0 <= readings["sys/cpu"] <= 100
    assert 0 < readings["sys/mem_used"] < facts.memory_bytes
    assert 0 < readings["sys/disk_free"] <= facts.disk_bytes
    assert facts.cpu_count >= 1 and facts.gpu_note


def test_a_runs_processes_are_read_with_their_children(tmp_path: Path) -> None:
    code = (
        "import subprocess,sys;p=subprocess.Popen(['sleep','60']);print(p.pid,flush=True);p.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            state = tmp_path / "state.json"
            state.write_bytes(msgspec.json.encode({"state": "running", "pid": parent.pid}))
            sampler = Sampler(tmp_path, Gpus(lambda: FakeNvml(0)))
            first = sampler.read_runs({"r": state})["r"]
            second = sampler.read_runs({"r": state})["r"]
            assert first["sys/proc_rss"] > 2**20 and "sys/proc_cpu" not in first
            assert second["sys/proc_cpu"] >= 0
            assert len(sampler._trees["r"]._seconds) == 2
        finally:
            os.kill(child, 9)
            parent.kill()
    assert sampler.read_runs({"r": state})["r"] == {}


def test_a_state_file_that_is_none_is_no_process(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_bytes(b"\x00{")
    assert Sampler(tmp_path, Gpus(lambda: FakeNvml(0))).read_runs({"r": state}) == {}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3 * FINE), st.integers(1, 64), st.floats(0, 1), st.floats(0, 1))
def test_a_ring_equals_brute_force_where_it_is_fine(
    count: int, columns: int, a: float, b: float
) -> None:
    ring = TimeRing()
    values = [float(i * 7919 % 101) for i in range(count)]
    for i, value in enumerate(values):
        ring.add(1000.0 + i, value, i)
    low = max(0, count - FINE)
    start, end = sorted((low + int(a * (count - low)), low + int(b * (count - low))))
    found = ring.series("m", columns, 1000.0 + start, 1000.0 + end, 1000.0)
    inside = values[start : end + 1]
    assert found.total == len(inside)
    assert len(found.xs()) <= columns
    assert sum(found.counts()) == len(inside)
    if inside:
        assert min(unpack(found.lo)) == min(inside) and max(unpack(found.hi)) == max(inside)


def test_a_ring_keeps_a_day_in_bounded_memory() -> None:
    ring = TimeRing()
    for i in range(30 * 3600):
        ring.add(float(i), float(i % 1000), i)
    assert len(ring.ts) < FINE + 300 and len(ring.old_ts) < 24 * 3600 / COARSE_S + 300
    found = ring.series("m", 160, 0.0, 1e9, 0.0)
    assert found.xs()[-1] == 30 * 3600 - 1
    assert found.xs()[0] < 8 * 3600
    assert max(unpack(found.hi)) == 999.0, "a spike of a day ago is not lost"


def machine(readings: dict[str, float], facts: MachineFacts) -> Machine:
    counter = iter(range(1, 10**6))
    out = Machine(Sampler(Path("/"), Gpus(lambda: FakeNvml(0))), lambda: next(counter))
    out.take(500.0, readings, {"r": {"sys/proc_cpu": 50.0}}, facts)
    return out


async def test_a_machine_that_could_not_be_opened_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_counters(sampler: Sampler) -> None:
        raise RuntimeError("not sure how to interpret a line of /proc/stat")

    monkeypatch.setattr(Sampler, "open", no_counters)
    found = Machine(Sampler(tmp_path, Gpus(lambda: FakeNvml(0))), iter(range(1000)).__next__)
    sampled = asyncio.Event()
    found.start(dict, sampled.set)
    await asyncio.wait_for(sampled.wait(), 30.0)
    assert found.latest("sys/mem_used")
    await found.stop()


def test_the_line_for_the_status_bar() -> None:
    gpus = Gpus(FakeNvml)
    gpus.open()
    found = machine(gpus.read(), MachineFacts(gpus=gpus.infos))
    assert found.gpu_line() == "2x H100 97 % 71/80 GB 62 C"
    assert machine({}, MachineFacts(gpu_note="no GPU: none")).gpu_line() == "no GPU"


@pytest.mark.parametrize(("since", "expected"), [(0.0, [100.0]), (None, [100.0])])
def test_x_is_seconds_since_the_start(since: float | None, expected: list[float]) -> None:
    found = machine({"sys/cpu": 5.0}, MachineFacts())
    ((name, ring),) = found.matching("sys/cpu", "")
    series = found.series(name, ring, SeriesQuery(name), 400.0, 1000.0, since=since)
    assert list(series.xs()) == expected
    assert [n for n, _ in found.matching("sys/proc_*", "r")] == ["sys/proc_cpu"]
    assert [n for n, _ in found.matching("sys/proc_*", "other")] == []
