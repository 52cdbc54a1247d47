"""A loop in a module of the checkout is hooked like one in the script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_checkout import CHECKPOINTS, COMMON, Trainer, make_checkout

LIBRARY = """
import time
from owlchat.parts import Loss, Optimizer, save_checkpoint

class Trainer:
    def __init__(self, steps, step_ms):
        self.steps, self.step_ms = steps, step_ms
        self.optimizer = Optimizer()

    def forward_backward(self, step):
        loss = Loss(3.0 - step / 100)
        loss.backward()
        return loss.item()

    def train(self):
        for step in range(self.steps):
            train_loss = self.forward_backward(step)
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * 0.5
            self.optimizer.step()
            if step == self.steps - 1:
                save_checkpoint("out", step, {}, None, {"step": step})
            time.sleep(self.step_ms / 1000)
            print(f"step {step} loss {train_loss!r} lr {group['lr']!r}", flush=True)
"""

SCRIPT = """
import argparse
from owlchat.training import Trainer

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--step-ms", type=float, default=0)
    args = parser.parse_args()
    Trainer(args.steps, args.step_ms).train()
    print("done")
"""


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[Trainer]:
    """`src/` holds the library, and another module with a loop that never runs."""
    library = make_checkout(tmp_path) / "src" / "owlchat"
    library.mkdir(parents=True)
    (library / "parts.py").write_text(COMMON + CHECKPOINTS)
    (library / "training.py").write_text("import owlchat.tuning\n" + LIBRARY)
    (library / "tuning.py").write_text(LIBRARY.replace("Trainer", "Tuner"))
    (tmp_path / "scripts" / "pretrain.py").write_text(SCRIPT)
    trainer = Trainer(tmp_path, {"PYTHONPATH": "src"})
    yield trainer
    trainer.close()


def test_steps_are_reported_and_nothing_printed_differs(trainer: Trainer) -> None:
    plain = trainer.run("scripts.pretrain", hook=False)
    assert trainer.run("scripts.pretrain") == plain
    assert plain[0] == 0
    losses = [float(text) for text in re.findall(r"loss ([\d.]+)", plain[1])]
    assert list(trainer.metric("train/loss_raw").values()) == losses
    assert len(losses) == 12
    last = trainer.events("state", "instrumented")[-1]
    assert last["path"].endswith("src/owlchat/training.py")
    assert last["loop"] == "for"
    assert not trainer.events("log")


def test_the_loop_that_runs_is_steered(trainer: Trainer) -> None:
    trainer.start("scripts.pretrain", "--steps=1000000", "--step-ms=1")
    trainer.wait_for(lambda: trainer.metric("train/loss_raw"))
    trainer.command("lr", value=0.5)
    trainer.command("save")
    trainer.wait_for((trainer.checkout / "out").exists)
    trainer.command("stop")
    code, output = trainer.finish()
    assert (code, output.splitlines()[-1]) == (0, "done")
    assert "lr 0.025" in output
    assert [e["cmd"] for e in trainer.events("state", "applied")] == ["lr", "save", "stop"]


def test_a_module_that_cannot_be_instrumented_runs_as_it_is(trainer: Trainer) -> None:
    script = trainer.checkout / "scripts" / "pretrain.py"
    breaks = "import ast\ndef refuse(*a, **k): raise ValueError('no tree')\nast.parse = refuse\n"
    script.write_text(breaks + SCRIPT)
    code, output = trainer.run("scripts.pretrain")
    assert (code, output.splitlines()[-1]) == (0, "done")
    assert not trainer.metric("train/loss_raw")
    last = trainer.events("state", "instrumented")[-1]
    assert last["loop"] is None
    assert "owlchat/training.py could not be instrumented: ValueError: no tree" in last["reason"]
