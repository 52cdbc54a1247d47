"""What watching costs the trainer: tiny_nanochat alone, then with core, hook, TUI and panels.

    python -m benchmarks.trainer [--rounds 3] [--steps 150]

Rounds alternate, so that a machine that slows down slows both. Needs torch.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time

from nanochat_host.core.client import CoreClient
from nanochat_host.core.wire import StartRun
from nanochat_host.paths import Paths

from benchmarks import rig
from benchmarks.measure import median, quiet_note

GOAL = 0.98
ENDED = {"done", "failed", "lost"}
WARM_UP = 20
STEP = re.compile(r"^step (\d+)/\d+ .*\| dt: ([\d.]+)ms", re.MULTILINE)
OPTIONS = {"eval_every": -1, "sample_every": -1, "save_every": -1, "model_tag": "bench"}


def step_seconds(log: str) -> list[float]:
    """Durations of the steps in a log, without the first few."""
    return [float(dt) / 1e3 for step, dt in STEP.findall(log) if int(step) >= WARM_UP]


def wait_for_end(client: CoreClient, run: str) -> None:
    while client.run(run).summary.facts.state not in ENDED:
        time.sleep(0.2)


def watched(paths: Paths, client: CoreClient, steps: int) -> list[float]:
    """Step durations of a run with everything attached."""
    options = {**OPTIONS, "num_iterations": steps}
    run = client.start_run(StartRun(checkout="tiny", target="base_train", options=options))
    terminal = rig.open_tui(run.facts.id, "load")
    while client.run(run.facts.id).summary.facts.state not in ENDED:
        terminal.drain(0.2)
    terminal.close()
    return step_seconds(paths.run(run.facts.id).out_log.read_text())


def alone(paths: Paths, client: CoreClient, steps: int) -> list[float]:
    """Step durations of the very same command, with nobody watching."""
    record = next(client.run(r.facts.id).record for r in client.runs() if r.target == "base_train")
    argv = [record.python, "-m", record.steps[0].module, *record.steps[0].argv]
    env = {
        **os.environ,
        **record.env,
        "NANOCHAT_BASE_DIR": record.base_dir,
        "PYTHONUNBUFFERED": "1",
    }
    done = subprocess.run(
        argv, cwd=record.checkout_path, env=env, capture_output=True, text=True, check=True
    )
    return step_seconds(done.stdout)


def prepare(client: CoreClient) -> None:
    """Data and tokenizer, by the demo's own first stages."""
    options = {"num_iterations": 1, **OPTIONS}
    run = client.start_run(StartRun(checkout="tiny", target="demo", options=options))
    wait_for_end(client, run.facts.id)
    detail = client.run(run.facts.id)
    if detail.summary.facts.state != "done":
        raise RuntimeError(f"the demo did not end well: {detail.status.reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150)
    args = parser.parse_args()
    print(f"# {quiet_note()}")
    ratios = []
    with rig.core() as (paths, client):
        prepare(client)
        for number in range(args.rounds):
            with_us = median(watched(paths, client, args.steps))
            without = median(alone(paths, client, args.steps))
            ratios.append(without / with_us)
            print(
                f"round {number + 1}: alone {without * 1e3:.1f} ms a step, "
                f"watched {with_us * 1e3:.1f} ms, throughput {ratios[-1]:.3f}x",
                flush=True,
            )
    ratio = median(ratios)
    met = ratio >= GOAL
    print(f"{'met   ' if met else 'MISSED'} throughput while watched: {ratio:.3f}x (goal {GOAL})")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
