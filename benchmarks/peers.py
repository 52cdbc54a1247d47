"""The peer: `wandb leet`, the terminal monitor of the wandb wheel, on data of the same size."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import median
from benchmarks.terminal import Terminal

WRITER = """
import math, os, random, sys
os.environ["WANDB_MODE"] = "offline"; os.environ["WANDB_SILENT"] = "true"
import wandb
run = wandb.init(project="bench", dir=sys.argv[1], settings=wandb.Settings(console="off"))
noise = random.Random(0)
for i in range(10_000):
    values = [math.exp(-i / 5000 * (1 + k / 5)) + 0.05 * noise.random() for k in range(20)]
    run.log({f"group{k % 4}/metric_{k:02d}": value for k, value in enumerate(values)})
run.finish()
"""


@dataclass(frozen=True)
class Peer:
    """paint_s: seconds until the newest of 20 metrics x 10,000 steps is charted."""

    paint_s: float


def leet() -> Peer | None:
    """Measure it; None, said aloud, where wandb is not installed."""
    program = os.environ.get("WANDB_BIN") or shutil.which("wandb")
    if program is None:
        print(
            "peer: `wandb` is not installed, so there is no ratio against leet (pip install wandb)"
        )
        return None
    folder = Path(tempfile.mkdtemp(prefix="nanochat-bench-leet-"))
    python = Path(program).parent / "python"
    subprocess.run(
        [str(python) if python.exists() else sys.executable, "-c", WRITER, str(folder)], check=True
    )
    run = next((folder / "wandb").glob("offline-run-*"))
    argv = [program, "beta", "leet", str(run)]
    found = []
    try:
        for _ in range(3):
            terminal = Terminal(argv, env={"WANDB_ERROR_REPORTING": "false"})
            # It says "Finished" once it has read every row of the run.
            found.append(terminal.wait_for("State: Finished") - terminal.started)
            terminal.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"peer: wandb leet shows 20 x 10,000 after {median(found) * 1e3:.0f} ms")
    return Peer(median(found))
