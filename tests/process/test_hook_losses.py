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


def run(base_dir: Path, step: Step, env: dict[str, str] | None = None, folder: Path = TINY) -> str:
    """What the command prints."""
    done = subprocess.run(
        step_command(sys.executable, step, hook=env is not None),
        cwd=folder,
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


LIBRARY = """
import torch

def run(steps):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - step / steps)
        loss = model(torch.randn(4, 8)).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(step, repr(loss.item()))
    torch.save(model.state_dict(), "model.pt")
"""


def test_losses_of_a_loop_in_the_library_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "owl.py").write_text(LIBRARY)
    (tmp_path / "train.py").write_text("from owl import run\nrun(50)\n")
    events = tmp_path / "events.jsonl"
    env = hook_env(events, tmp_path / "control.jsonl")
    plain, weights = run(tmp_path, Step("train"), folder=tmp_path), tmp_path / "model.pt"
    before = weights.read_bytes()
    assert run(tmp_path, Step("train"), env, folder=tmp_path) == plain
    assert weights.read_bytes() == before
    assert len(plain.splitlines()) == 50
    rows = [json.loads(line) for line in events.read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "metric"] == list(range(50))


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
    steps = [row["ts"] for row in metrics if "train/loss" in row]
    between = [row for row in metrics if steps[0] < row["ts"] <= steps[-1]]
    total = sum(row.get(name, 0.0) for row in between for name in timed)
    assert total == pytest.approx(steps[-1] - steps[0], rel=0.5)
