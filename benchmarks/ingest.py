"""Ingest of hook events into the store on one core, against only decoding the same bytes.

Run: python benchmarks/ingest.py [--rows 100000] [--json]. Figures are per second of CPU time, so
that a busy machine does not count. Goal: at least 50,000 events/s of 20 metrics.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import tempfile
import time
from pathlib import Path

import msgspec
from nanochat_host.core.telemetry.run import SLICE_BYTES, RunTelemetry
from nanochat_host.core.telemetry.tail import Tail
from nanochat_host.paths import RunPaths

METRICS = ("train/loss", "train/dt", *(f"loop/value_{i:02d}" for i in range(18)))


def write_events(path: Path, rows: int, metrics: tuple[str, ...] = METRICS) -> None:
    """An events file as the hook writes it: one row a step, a falling noisy loss first."""
    rng = random.Random(7)
    form = "".join(f',"{name}":%.6g' for name in metrics)
    start = {"ts": 1.7e9, "kind": "state", "what": "loop_start", "args": {}}
    facts = {"num_iterations": rows, "total_batch_size": 524288}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**start, "facts": facts}) + "\n")
        for step in range(rows):
            loss = 2.5 + 8 * 0.9999 ** (step * 2e4 / rows) + rng.gauss(0, 0.05)
            values = (loss, *(rng.random() for _ in metrics[1:]))
            head = '{"ts":%.4f,"kind":"metric","step":%d' % (1.7e9 + 0.1 * step, step)  # noqa: UP031
            file.write(head + form % values + "}\n")


def floor_s(path: Path) -> float:
    """CPU seconds to read the file in the same slices and decode the lines."""
    decoder = msgspec.json.Decoder()
    tail = Tail(path)
    tail.refresh()
    began = time.process_time()
    while chunk := tail.read(SLICE_BYTES):
        decoder.decode_lines(chunk)
    tail.close()
    return time.process_time() - began


def ingest(root: Path) -> tuple[float, list[float]]:
    """CPU seconds to take the run in `root` into a store on disk, and of each slice."""
    counter = iter(range(1, 1 << 60))
    run = RunTelemetry(RunPaths(root), lambda: next(counter), live=False)
    slices = []
    began = time.process_time()
    more = True
    while more:
        at = time.process_time()
        more = run.slice()
        slices.append(time.process_time() - at)
    return time.process_time() - began, sorted(slices)


def measure(rows: int) -> dict[str, float]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        root = Path(folder)
        events = root / "events.jsonl"
        write_events(events, rows)
        gc.freeze()
        floor = min(floor_s(events) for _ in range(3))
        spent, slices = ingest(root)
        return {
            "rows": rows,
            "bytes_a_row": events.stat().st_size / rows,
            "events_per_s": rows / spent,
            "floor_events_per_s": rows / floor,
            "ratio_to_floor": spent / floor,
            "slice_p50_ms": 1e3 * slices[len(slices) // 2],
            "slice_p99_ms": 1e3 * slices[int(0.99 * len(slices))],
            "slice_max_ms": 1e3 * slices[-1],
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = measure(args.rows)
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:20} {value:12,.2f}")


if __name__ == "__main__":
    main()
