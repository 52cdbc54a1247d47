"""Two days of a run in three minutes: sixteen panels, memory that must be flat, nothing lost.

    python -m benchmarks.soak [--hours 48] [--speed 1000]

A row a second of the run's time, replayed at `speed`: 172,800 rows of 20 metrics. Memory is taken
every second; what counts is the slope of a line through the last two thirds, as growth over them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import psutil
from nanochat_host.core.client import CoreClient
from nanochat_host.core.wire import StopRun
from nanochat_host.paths import Paths

from benchmarks import rig
from benchmarks.measure import median, quiet_note, report

PANELS, REFRESH_HZ = 16, 2.0
ROWS_AHEAD = 1_000


def growth(samples: Sequence[float]) -> float:
    """How much a least-squares line through the last two thirds of the samples rises over them."""
    late = list(samples[len(samples) // 3 :])
    if len(late) < 3:
        return float("nan")
    middle, mean = (len(late) - 1) / 2, sum(late) / len(late)
    over = sum((x - middle) ** 2 for x in range(len(late)))
    slope = sum((x - middle) * (y - mean) for x, y in enumerate(late)) / over
    return slope * (len(late) - 1)


def private_mb(process: psutil.Process) -> float:
    """Memory that is this process's alone, in MB."""
    return float(process.memory_full_info().uss) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=48.0, help="of the run's time")
    parser.add_argument("--speed", type=float, default=1000.0, help="times faster than it was")
    args = parser.parse_args()
    rows = int(args.hours * 3600)
    print(f"# {quiet_note()}; {rows} rows at {args.speed:g}/s, {rows / args.speed:.0f} s")
    good = []
    with rig.core() as (paths, client):
        run = rig.start_firehose(client, rate=args.speed, rows_before=ROWS_AHEAD)
        layout = rig.grid_layout(paths.home, PANELS, REFRESH_HZ)
        terminal = rig.open_tui(run, layout, size=(200, 60))
        terminal.wait_for(r"Loss[\s\S]*\d\.\d")
        terminal.drain(5.0)
        core = psutil.Process(client.health().pid)
        ui = psutil.Process(terminal.pid)
        before = {p.pid for p in terminal.tree()}
        fds = [(core.num_fds(), ui.num_fds())]
        held: dict[str, list[float]] = {"core": [], "UI": [], "workers": []}
        until = time.monotonic() + rows / args.speed
        while time.monotonic() < until:
            terminal.drain(1.0)
            held["core"].append(private_mb(core))
            held["UI"].append(private_mb(ui))
            held["workers"].append(sum(private_mb(p) for p in terminal.tree()[1:]))
        fds.append((core.num_fds(), ui.num_fds()))
        for who, samples in held.items():
            print(f"{who}: {samples[0]:.1f} MB at first, {median(samples):.1f}, {samples[-1]:.1f}")
            good.append(report(f"growth of {who}", growth(samples), 0.05 * samples[0] + 1, "MB"))
        leaked = {p.pid for p in terminal.tree()} - before
        good.append(report("processes more than at first", len(leaked), 0, ""))
        for who, first, last in zip(("core", "UI"), *fds, strict=True):
            good.append(report(f"descriptors of {who} more than at first", last - first, 0, ""))
        terminal.close()
        good.append(report("rows lost", _lost(paths, client, run), 0, ""))
    return 0 if all(good) else 1


def _lost(paths: Paths, client: CoreClient, run: str) -> int:
    """Rows in the events file that the store does not have, once the run has ended."""
    client.stop_run(run, StopRun(mode="kill"))
    deadline = time.monotonic() + 30
    written = -1
    while time.monotonic() < deadline:
        with paths.run(run).events_jsonl.open("rb") as file:
            written = sum(b'"train/loss_raw"' in line for line in file)
        known = {m.name: m for m in client.metrics(run)}["train/loss_raw"].count
        if known == written:
            return 0
        time.sleep(0.2)
    print(f"       {written} written, {known} known")
    return abs(written - known)


if __name__ == "__main__":
    sys.exit(main())
