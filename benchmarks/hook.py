"""What the hook costs a training step: `python benchmarks/hook.py [STEPS]`.

One loop that assigns 35 scalars a step, run in turn with nothing (the floor), with the hook, and
with what one would write by hand: `json.dumps` of the same values to a line-buffered file. Prints
microseconds a step at the median, and the ratio to the hand-written one.
"""

from __future__ import annotations

import ast
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanochat_host.checkout.hook.control import ControlFile
from nanochat_host.checkout.hook.events import EventWriter
from nanochat_host.checkout.hook.ranks import Ranks
from nanochat_host.checkout.hook.signals import StopSignal
from nanochat_host.checkout.hook.splice import HOOK
from nanochat_host.checkout.hook.steering import Steering
from nanochat_host.checkout.hook.ticker import Ticker
from nanochat_host.checkout.hook.transform import instrument

SCALARS = 35
ROUNDS = 5

LOOP = """
while step < steps:
    {report}
    for micro_step in range(2):
        loss.backward()
        x = next(loader)
    optimizer.step()
    {assignments}
    tops.append(clock())
    step += 1
"""


class Nothing:
    """Stands in for a loss, an optimizer and a loader."""

    def backward(self) -> None: ...

    def step(self) -> None: ...

    def __next__(self) -> None: ...


def source(report: str) -> str:
    names = ["train_loss_f", "debiased_smooth_loss", "dt", "lrm", "tok_per_sec"]
    names += [f"scalar_{i}" for i in range(SCALARS - len(names) - 1)]  # and micro_step
    lines = [f"{name} = 0.123456789 * step + {i}.1" for i, name in enumerate(names)]
    return LOOP.format(report=report, assignments="\n    ".join(lines))


def run_once(code: Any, steps: int, **names: Any) -> float:
    """Median microseconds from one loop top to the next."""
    tops: list[float] = []
    scope: dict[str, Any] = {
        "step": 0,
        "steps": steps,
        "clock": time.perf_counter,
        "tops": tops,
        "loss": Nothing(),
        "optimizer": Nothing(),
        "loader": Nothing(),
        **names,
    }
    exec(code, scope)
    return 1e6 * statistics.median(b - a for a, b in itertools.pairwise(tops))


def bare(steps: int, folder: Path) -> float:
    return run_once(compile(source("pass"), "bare", "exec"), steps)


def by_hand(steps: int, folder: Path) -> float:
    with (folder / "by_hand.jsonl").open("a", buffering=1) as file:

        def report(values: dict[str, Any]) -> None:
            row = {k: v for k, v in values.items() if type(v) in (int, float)}
            file.write(json.dumps({"ts": time.time(), "kind": "metric", **row}) + "\n")

        code = compile(source("report(globals())"), "by_hand", "exec")
        return run_once(code, steps, report=report)


def hooked(steps: int, folder: Path) -> float:
    tree = ast.parse(source("pass"))
    report = instrument(tree)
    events = EventWriter(str(folder / "events.jsonl"))
    signals = StopSignal()
    control = ControlFile(str(folder / "control.jsonl"))
    ticker = Ticker(
        report, events, Steering(report, control, events, Ranks(0, 1), signals), signals
    )
    try:
        return run_once(compile(tree, "hooked", "exec"), steps, **{HOOK: ticker})
    finally:
        ticker.left()
        events.close()


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    ways: dict[str, Callable[[int, Path], float]] = {
        "the loop alone": bare,
        "with the hook": hooked,
        "json.dumps by hand": by_hand,
    }
    figures: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="hook-benchmark-") as name:
        folder = Path(name)
        (folder / "control.jsonl").touch()
        for _ in range(ROUNDS):
            for way, run in ways.items():
                figures[way].append(run(steps, folder))
        row = (folder / "events.jsonl").read_text().splitlines()[-1]
    medians = {way: statistics.median(values) for way, values in figures.items()}
    floor = medians["the loop alone"]
    for way, median in medians.items():
        print(f"{way:20} {median:7.1f} us a step   cost {median - floor:6.1f} us")
    cost = medians["with the hook"] - floor
    print(f"hook / by hand       {cost / (medians['json.dumps by hand'] - floor):7.2f}")
    print(f"values a row         {len(json.loads(row)) - 3:7}   bytes {len(row)}")


if __name__ == "__main__":
    main()
