"""What a panel's own process costs: `python benchmarks/workers.py [--json] [--seconds 5]`.

The floor, measured in the same run, is the least a process across two pipes can cost: os.fork of a
small Python and a blocking echo of as many bytes. Prints milliseconds at median and p95, ratios to
the floor, memory per worker, and the host's share of a core with 24 panels at 2 Hz.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.supervisor import Supervisor
from nanochat_sdk.codec import encode_payload
from nanochat_sdk.protocol import View

FIXTURES = Path(__file__).parent.parent / "tests" / "panels" / "fixture"
WIDTH, HEIGHT = 60, 20
PANELS, RATE_HZ = 24, 2.0
STARTS, FRAMES = 60, 300


class Bench:
    """A supervisor, and waits for its panels. highest: how far the walls go at most."""

    def __init__(self, highest: Level = Level.STRICT) -> None:
        self.supervisor = Supervisor(
            lambda _panel: self._changed.set(), highest=highest, allow_unsandboxed=["fixture"]
        )
        self._changed = asyncio.Event()
        self._entries = Catalog.discover([FIXTURES]).panels

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def open(self, name: str) -> PanelProcess:
        return self.supervisor.open(self._entries[f"fixture:{name}"], {}, ())

    async def frame(self, panel: PanelProcess) -> None:
        await self.until(lambda: panel.ready)
        before = panel.frames
        pull(panel)
        await self.until(lambda: panel.frames > before)


def pull(panel: PanelProcess) -> None:
    panel.pull(width=WIDTH, height=HEIGHT, data=None, view=View(), force=True)


def floor_start() -> float:
    """Fork, and read the child's first byte."""
    start = time.perf_counter()
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_fd, b"x")
        os._exit(0)
    os.read(read_fd, 1)
    took = time.perf_counter() - start
    os.waitpid(pid, 0)
    os.close(read_fd)
    os.close(write_fd)
    return took


def floor_echo(size: int) -> list[float]:
    """A request of 64 bytes, answered with `size` bytes, by a forked child that does nothing."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(to_write)
        answer = b"x" * size
        while os.read(to_read, 64):
            os.write(back_write, answer)
        os._exit(0)
    os.close(to_read)
    times = []
    for _ in range(FRAMES):
        start = time.perf_counter()
        os.write(to_write, b"x" * 64)
        got = 0
        while got < size:
            got += len(os.read(back_read, 65536))
        times.append(time.perf_counter() - start)
    os.close(to_write)
    os.waitpid(pid, 0)
    os.close(back_read)
    os.close(back_write)
    return times


async def starts(bench: Bench) -> dict[str, list[float]]:
    """Seconds from the wish for a panel to its hello, its being loaded, and its first frame."""
    out: dict[str, list[float]] = {"hello": [], "loaded": [], "first frame": []}
    for _ in range(STARTS):
        start = time.perf_counter()
        hello = asyncio.get_running_loop().create_future()
        worker = bench.supervisor.spawn(hello.set_result, hello.set_exception)
        await hello
        out["hello"].append(time.perf_counter() - start)
        worker.end()
        start = time.perf_counter()
        panel = bench.open("cells")
        await bench.until(lambda panel=panel: panel.ready)  # type: ignore[misc]
        out["loaded"].append(time.perf_counter() - start)
        await bench.frame(panel)
        out["first frame"].append(time.perf_counter() - start)
        bench.supervisor.discard(panel)
    return out


async def round_trips(bench: Bench, name: str) -> tuple[list[float], int]:
    """Seconds from pull to the decoded, sanitised payload, and the payload's bytes."""
    panel = bench.open(name)
    await bench.frame(panel)
    times = []
    for _ in range(FRAMES):
        start = time.perf_counter()
        await bench.frame(panel)
        times.append(time.perf_counter() - start)
    assert panel.payload is not None
    size = len(encode_payload(panel.payload))
    bench.supervisor.discard(panel)
    return times, size


async def crowd(bench: Bench, seconds: float) -> dict[str, float]:
    """24 panels at 2 Hz: share of a core the host takes, and memory per worker."""
    panels = [bench.open("cells") for _ in range(PANELS)]
    await bench.until(lambda: all(panel.ready for panel in panels))
    began, cpu = time.perf_counter(), time.process_time()
    frames = sum(panel.frames for panel in panels)
    for turn in range(int(seconds * RATE_HZ)):
        for panel in panels:
            pull(panel)
        due = began + (turn + 1) / RATE_HZ
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    took = time.perf_counter() - began
    return {
        "host_core_percent": 100 * (time.process_time() - cpu) / took,
        "frames_per_s": (sum(panel.frames for panel in panels) - frames) / took,
        "worker_pss_mib": statistics.mean(pss_mib(panel.pid) for panel in panels),
        "zygote_pss_mib": pss_mib(bench.supervisor.zygote_pid),
    }


def pss_mib(pid: int | None) -> float:
    """Proportional share of memory; NaN when the kernel does not let this user see it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def row(times: list[float], floor: list[float]) -> dict[str, float]:
    """Median and p95 in milliseconds, and the ratio of medians."""
    median = statistics.median(times)
    return {
        "median_ms": median * 1e3,
        "p95_ms": statistics.quantiles(times, n=20)[-1] * 1e3,
        "floor_ms": statistics.median(floor) * 1e3,
        "ratio": median / statistics.median(floor),
    }


async def measure(seconds: float) -> dict[str, dict[str, float]]:
    """All rows, by name."""
    bench = Bench()
    await bench.supervisor.start()
    try:
        floor = [floor_start() for _ in range(STARTS)]
        rows = {
            f"worker to {what}": row(times, floor) for what, times in (await starts(bench)).items()
        }
        for name in ("echo", "cells"):
            times, size = await round_trips(bench, name)
            rows[f"frame {WIDTH}x{HEIGHT} {name}, {size} bytes"] = row(times, floor_echo(size))
        rows[f"{PANELS} panels at {RATE_HZ:g} Hz"] = await crowd(bench, seconds)
    finally:
        await bench.supervisor.close()
    return rows


def run(work: Coroutine[Any, Any, dict[str, dict[str, float]]], as_json: bool) -> None:
    """Measure and print."""
    rows = asyncio.run(work)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for name, values in rows.items():
        shown = "  ".join(f"{key} {value:.3f}" for key, value in values.items())
        print(f"{name:34} {shown}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0, help="of the crowd")
    arguments = parser.parse_args()
    run(measure(arguments.seconds), arguments.json)
