"""A trainer that trains nothing: it writes metric rows at a given rate, as the hook would.

Its loop does not back-propagate, so the hook leaves it alone and its rows are the only load.
"""

import argparse
import json
import math
import os
import random
import time

parser = argparse.ArgumentParser(description="Write metric rows at a rate")
parser.add_argument("--rate", type=float, default=1000.0, help="rows a second")
parser.add_argument("--metrics", type=int, default=20, help="metrics in a row")
parser.add_argument("--rows-before", type=int, default=10_000, help="rows written at once")
parser.add_argument("--seconds", type=float, default=120.0, help="how long to write")
args = parser.parse_args()

events = os.open(os.environ["NANOCHAT_CLI_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
names = ["train/loss", "train/loss_raw", "train/lrm", "train/dt", "train/tok_per_sec", "train/mfu"]
names += [f"loop/metric_{k:02d}" for k in range(args.metrics - len(names))]
noise = random.Random(0)
step = 0


def row():
    """One line of events.jsonl; `loop/stamp_ms` shows a reader how old it is."""
    global step
    step += 1
    now = time.time()
    values = {
        name: math.exp(-step / 50_000 * (1 + k / 5)) + 0.05 * noise.random()
        for k, name in enumerate(names)
    }
    values["loop/stamp_ms"] = int(now * 1000) % 100_000_000
    return json.dumps({"ts": now, "kind": "metric", "step": step, **values}).encode() + b"\n"


os.write(events, b"".join(row() for _ in range(args.rows_before)))
print("firehose ready", flush=True)
started, first = time.time(), step
while time.time() - started < args.seconds:
    due = first + int((time.time() - started) * args.rate)
    if step < due:
        os.write(events, b"".join(row() for _ in range(due - step)))
    time.sleep(0.005)
