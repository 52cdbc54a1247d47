"""A long run opened: first charts, full ingest, memory, and what a redraw costs.

Run: python benchmarks/million.py [--rows 1000000] [--json]. Each figure is of a process of its own.
Goals for 1,000,000 steps x 20 metrics: first charts in <= 1 s, also from an events file never seen
before; resident memory <= 400 MiB; a query costs the same at 1e3 and 1e6 points.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import QueryItem
from nanochat_host.paths import Paths
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import Needs, RunFacts, SeriesQuery

from benchmarks.ingest import write_events

CHARTS = ("train/loss", "train/dt", "loop/value_00", "loop/value_17")
FACTS = RunFacts(id="long", name="long", state="done", tokens_per_step=524288)


def items(since: int = 0) -> list[QueryItem]:
    """What a dashboard of four charts asks for."""
    return [
        QueryItem(Needs(series=(SeriesQuery(name, 160),)), since, list(Capability))
        for name in CHARTS
    ]


async def opened(home: Path) -> dict[str, float]:
    """Open the run of `home` and wait until all of it was read. Seconds are of the wall clock,
    milliseconds of CPU time, which a busy machine does not stretch."""
    began, began_cpu = time.perf_counter(), time.process_time()
    paths = Paths(home)
    hub = TelemetryHub(paths)
    await hub.start()
    hub.follow(paths.run("long"), live=False)
    first = longest = 0.0
    while not hub.is_settled("long") or not first:
        at = time.process_time()
        await asyncio.sleep(0)
        longest = max(longest, time.process_time() - at)
        if not first:
            answers = hub.query("long", items(), FACTS, {}).answers
            if all(a.data is not None and len(bytes(a.data)) > 2000 for a in answers):
                first = time.perf_counter() - began
    done, done_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    held = hub.telemetry("long")
    assert held is not None
    costs = []
    for _ in range(50):
        held.series_cache.clear()
        at = time.process_time()
        hub.query("long", items(), FACTS, {})
        costs.append(time.process_time() - at)
    await hub.stop()
    return {
        "first_charts_s": first,
        "all_read_s": done,
        "all_read_cpu_s": done_cpu,
        "loop_held_max_ms": 1e3 * longest,
        "query_4_charts_ms": 1e3 * statistics.median(costs),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_process(home: Path) -> dict[str, float]:
    """`opened` in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.million", "--child", str(home)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(rows: int) -> dict[str, dict[str, float]]:
    """Figures by case."""
    out = {}
    for name, count in (("1e3", 1000), ("long", rows)):
        home = Path(tempfile.mkdtemp(prefix="million-"))
        try:
            root = Paths(home).run("long").root
            root.mkdir(parents=True)
            write_events(root / "events.jsonl", count)
            out[f"{name} never seen"] = in_process(home)
            out[f"{name} reopened"] = in_process(home)
        finally:
            shutil.rmtree(home)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(asyncio.run(opened(args.child))))
        return
    figures = measure(args.rows)
    if args.json:
        print(json.dumps(figures))
        return
    for case, values in figures.items():
        print(case, *(f"{name}={value:,.2f}" for name, value in values.items()), sep="  ")


if __name__ == "__main__":
    main()
