"""The hook changes no digit of a training run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nanochat_host.checkout.launch import hook_env, step_command
from nanochat_host.checkout.model import Step

pytestmark = [pytest.mark.torch, pytest.mark.timeout(240)]

TINY = Path(__file__).parents[2] / "tiny_nanochat"
ARGUMENTS = [
    "--depth=1",
    "--aspect-ratio=32",
    "--head-dim=8",
    "--max-seq-len=32",
    "--total-batch-size=256",
    "--num-iterations=40",
    "--eval-every=10",
    "--eval-tokens=512",
    "--sample-every=20",
    "--save-every=20",
    "--warmup-steps=2",
]
FIGURES = re.compile(r"loss: ([\d.]+)|lrm: ([\d.]+)|Validation bpb: ([\d.]+)")


def run(base_dir: Path, step: Step, env: dict[str, str] | None = None) -> str:
    """What the command prints."""
    done = subprocess.run(
        step_command(sys.executable, step, hook=env is not None),
        cwd=TINY,
        env={
            **os.environ,
            "NANOCHAT_BASE_DIR": str(base_dir),
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(env or {}),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_losses_are_the_same_digit_for_digit(tmp_path: Path) -> None:
    base_dir, events = tmp_path / "base", tmp_path / "events.jsonl"
    run(base_dir, Step("nanochat.dataset", ["-n", "1"]))
    run(base_dir, Step("scripts.tok_train", ["--vocab-size=300", "--max-chars=50000"]))
    plain = run(base_dir, Step("scripts.base_train", [*ARGUMENTS, "--model-tag=plain"]))
    env = hook_env(events, tmp_path / "control.jsonl")
    hooked = run(base_dir, Step("scripts.base_train", [*ARGUMENTS, "--model-tag=hooked"]), env)

    assert len(FIGURES.findall(plain)) == 40 * 2 + 5
    assert FIGURES.findall(hooked) == FIGURES.findall(plain)
    weights = [
        (base_dir / "base_checkpoints" / tag / "model_000040.pt").read_bytes()
        for tag in ("plain", "hooked")
    ]
    assert weights[0] == weights[1]

    rows = [json.loads(line) for line in events.read_text().splitlines()]
    metrics = [row for row in rows if row["kind"] == "metric"]
    losses = [row["train/loss"] for row in metrics if "train/loss" in row]
    assert [f"{loss:.6f}" for loss in losses] == re.findall(r"\| loss: ([\d.]+)", plain)
    assert [row["step"] for row in metrics if "val/bpb" in row] == [0, 10, 20, 30, 40]
    timed = {name for row in metrics for name in row if name.startswith("time/")}
    assert {"time/forward_backward", "time/optimizer", "time/data", "time/eval"} <= timed
    total = sum(row.get(name, 0.0) for row in metrics for name in timed)
    steps = [row["ts"] for row in metrics if "train/loss" in row]
    assert total == pytest.approx(steps[-1] - steps[0], rel=0.5)
