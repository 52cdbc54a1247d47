"""The terminal's figures: first paint, key latency at rest and under load, staleness, idle cost.

    python -m benchmarks.tui [--seconds 60] [--quick]

The floor is a bare Textual app, the peer `wandb leet` (if `wandb` is on PATH or in $WANDB_BIN),
all driven through the same pty in one run.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable

from nanochat_host.core.client import CoreClient

from benchmarks import peers, rig
from benchmarks.measure import median, percentile, quiet_note, report, spread
from benchmarks.terminal import Terminal

CURSOR = re.compile(r"│ step ([\d,.kM]+)  ━")
STEP = re.compile(r"step ([\d,]+) /")
LIMIT_MS = 150.0


def bare() -> Terminal:
    return Terminal([sys.executable, "-m", "benchmarks.bare_app"])


def first_paint(open_program: object, pattern: str, times: int = 5) -> float:
    """Median seconds from spawn until `pattern` shows."""
    found = []
    for _ in range(times):
        terminal: Terminal = open_program()  # type: ignore[operator]
        found.append(terminal.wait_for(pattern) - terminal.started)
        terminal.close()
    return median(found)


def key_latency(
    terminal: Terminal, keys: list[tuple[str, str]], seconds: float
) -> list[tuple[float, float]]:
    """(moment, seconds from key to its visible effect) of keys pressed for `seconds`."""
    found = []
    began = time.perf_counter()
    index = 0
    while time.perf_counter() - began < seconds:
        key, effect = keys[index % len(keys)]
        index += 1
        sent = terminal.press(key)
        found.append((sent - began, terminal.wait_for(effect, 10.0) - sent))
        terminal.drain(0.03 + 0.011 * (index % 7))  # no fixed phase against any tick
    return found


def cursor_latency(terminal: Terminal, seconds: float) -> list[tuple[float, float]]:
    """Like `key_latency`, for the chart cursor: the effect is another step under it.

    Two neighbouring columns may stand for one point; such presses are left out. A second without
    an effect is taken for one, and more than a tenth of all presses would be a fault.
    """
    found = []
    began = time.perf_counter()
    index = same = 0
    while time.perf_counter() - began < seconds:
        before = CURSOR.search(terminal.text)
        other = rf"│ step (?!{re.escape(before[1] if before else '')} )[\d,.kM]+  ━"
        sent = terminal.press("\x1b[D" if index % 40 < 20 else "\x1b[C")
        try:
            found.append((sent - began, terminal.wait_for(other, 1.0) - sent))
        except TimeoutError:
            same += 1
        terminal.drain(0.03 + 0.011 * (index % 7))
        index += 1
    if same > index / 10:
        raise RuntimeError(f"{same} of {index} keys had no effect within a second")
    return found


def staleness(terminal: Terminal, made_at: Callable[[int], float], seconds: float) -> list[float]:
    """Age in seconds of each newly shown step at the moment it was on the screen."""
    ages, shown = [], 0
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        match = STEP.search(terminal.text)
        if match and (step := int(match[1].replace(",", ""))) != shown:
            shown = step
            ages.append(time.time() - made_at(step))
        terminal.drain(0.002)
    return ages


def pace(client: CoreClient, run: str, rate: float) -> Callable[[int], float]:
    """When the firehose made a step: its loop keeps to `due_from + (step - before) / rate`."""
    values = {m.name: m.value for m in client.metrics(run)}
    due_from = float(values["loop/due_from"] or 0.0)
    return lambda step: due_from + (step - rig.ROWS_BEFORE) / rate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the load phase")
    parser.add_argument("--quick", action="store_true", help="10 s of load, no peer")
    args = parser.parse_args()
    seconds = 10.0 if args.quick else args.seconds
    good = []
    print(f"# {quiet_note()}")

    floor_paint = first_paint(bare, "ready key=none")
    terminal = bare()
    terminal.wait_for("ready")
    floor_keys = [s for _, s in key_latency(terminal, [("a", "key=a"), ("b", "key=b")], 8.0)]
    floor_pss = terminal.pss_bytes()
    terminal.close()
    print(f"floor: first paint {floor_paint * 1e3:.0f} ms, keys {spread(floor_keys)}")
    peer = None if args.quick else peers.leet()

    with rig.core() as (_, client):
        run = rig.start_firehose(client, rate=1000.0)
        paint = first_paint(lambda: rig.open_tui(run, "load"), r"Loss[\s\S]*\d\.\d")
        good.append(report("first meaningful paint / floor", paint / floor_paint, 1.3, "x"))
        if peer:
            good.append(report("first meaningful paint / leet", paint / peer.paint_s, 0.25, "x"))

        terminal = rig.open_tui(run, "load")
        terminal.wait_for(r"Loss[\s\S]*\d\.\d")
        terminal.drain(3.0)
        cpu, began = terminal.cpu_s(top_only=True), time.perf_counter()
        # The cursor of the focused chart: its values change with every key.
        terminal.press("\x1b[D")
        terminal.wait_for(CURSOR.pattern)
        timed = cursor_latency(terminal, seconds)
        host_cpu = (terminal.cpu_s(top_only=True) - cpu) / (time.perf_counter() - began)
        latencies = [s for _, s in timed]
        third = seconds / 3
        early = percentile([s for t, s in timed if t < third], 50)
        late = percentile([s for t, s in timed if t > 2 * third], 50)
        print(f"keys at 1,000 rows/s: {spread(latencies)}, n={len(latencies)}")
        for p, goal in ((50, 2.0), (99, 4.0)):
            ratio = percentile(latencies, p) / percentile(floor_keys, p)
            good.append(report(f"key p{p} under load / floor at rest", ratio, goal, "x"))
        good.append(report("slowest key", max(latencies) * 1e3, LIMIT_MS, "ms"))
        good.append(report("last third / first third", late / early, 1.3, "x"))
        good.append(report("host CPU, 12 panels at 2 Hz, 1,000 rows/s", host_cpu * 100, 30.0, "%"))
        good.append(report("UI and workers", terminal.pss_bytes() / 1e6, 65.0, "MB PSS",
                           floor=f"; bare app {floor_pss / 1e6:.0f}"))  # fmt: skip
        terminal.close()

        terminal = rig.open_tui(run, "stamp")
        terminal.wait_for(r"step [\d,]+ /")
        terminal.drain(2.0)
        ages = staleness(terminal, pace(client, run, 1000.0), min(seconds, 15.0))
        terminal.close()
        print(f"row written to row on screen: {spread(ages)}, n={len(ages)}")
        good.append(report("row to screen p50", percentile(ages, 50) * 1e3, 50.0, "ms"))
        good.append(report("row to screen p95", percentile(ages, 95) * 1e3, 150.0, "ms"))

    with rig.core() as (_, client):
        run = rig.start_firehose(client, rate=0.0)
        terminal = rig.open_tui(run, "load")
        terminal.wait_for(r"Loss[\s\S]*\d\.\d")
        terminal.drain(5.0)
        cpu, began = terminal.cpu_s(top_only=True), time.perf_counter()
        terminal.drain(min(seconds, 20.0))
        idle = (terminal.cpu_s(top_only=True) - cpu) / (time.perf_counter() - began)
        good.append(report("CPU of the UI on an idle live run", idle * 100, 1.0, "%"))
        terminal.close()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
