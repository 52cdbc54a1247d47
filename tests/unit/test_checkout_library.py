"""A script trains if what it imports of its checkout leads to a loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.checkout.stages import read_checkout

LOOP = """
class Trainer:
    def __init__(self, args):
        self.args = args

    def forward_backward(self):
        self.loss.backward()

    def train(self, args):
        for step in range(9):
            self.forward_backward()
            self.optimizer.step()
            if step % args.eval_every == 0:
                self.evaluate()

def load_data():
    pass
"""
PARSER = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--eval-every", type=int)
parser.add_argument("--depth", type=int)
args = parser.parse_args()
"""


def stages(root: Path, script: str, **modules: str) -> dict[str, tuple[bool, list[str]]]:
    """Of a checkout with those modules in its `owl` package; a name may have a folder."""
    for name, text in {**modules, "training/loop": LOOP}.items():
        file = root.joinpath("owl", *name.split("/")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "scripts").mkdir()
    (root / "scripts" / "base_train.py").write_text(script + PARSER)
    return {s.name: (s.trains, s.live) for s in read_checkout(root).stages}


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("from owl.training.loop import Trainer", {}),
        ("from owl.training import loop", {}),
        ("from owl.training import Trainer", {"training/__init__": "from .loop import *"}),
        ("import owl.training.loop as training", {}),
        ("from owl.training.loop import *", {}),
        ("from owl.api import run", {"api": "from .training import loop\ndef run(): loop.go()"}),
        (
            "def main():\n    from owl.api import run",
            {"api": "def helper():\n    from owl.training.loop import Trainer\n    Trainer()\n"
             "def run(): helper()"},
        ),
        (
            "from owl.facade import Coach",
            {"facade": "from owl.training.loop import (\n    load_data,\n    Trainer as Coach,\n)"},
        ),
    ],
)  # fmt: skip
def test_a_script_that_leads_to_a_loop(
    tmp_path: Path, script: str, modules: dict[str, str]
) -> None:
    assert stages(tmp_path, script, **modules) == {"base_train": (True, ["eval_every"])}


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("from owl.training.loop import load_data", {}),
        ("from owl.facade import load_data", {"facade": "from owl.training.loop import *"}),
        ("from owl.training import load_data", {"training/__init__": "from .loop import *"}),
        (
            "from owl.api import evaluate",
            {"api": "from owl.training import loop\ndef run(): loop.go()\ndef evaluate(): 1"},
        ),
        ("from owl.broken import run", {"broken": "from owl.training import loop\ndef run(:"}),
        ("from owl.a import x", {"a": "from owl.b import x", "b": "from owl.a import x"}),
        ("import torch, owl.nothing.there\nfrom . import x", {}),
    ],
)  # fmt: skip
def test_a_script_that_only_uses_what_stands_beside_one(
    tmp_path: Path, script: str, modules: dict[str, str]
) -> None:
    assert stages(tmp_path, script, **modules) == {"base_train": (False, [])}


def test_a_fork_known_by_nothing_but_the_loop_in_its_package(tmp_path: Path) -> None:
    owl = tmp_path / "src" / "owl"
    owl.mkdir(parents=True)
    (owl / "loop.py").write_text(LOOP)
    (owl / "cli.py").write_text("from owl.loop import Trainer\ndef main(): Trainer()\n")
    (owl / "__main__.py").write_text("from owl.cli import main\nmain()\n")
    (stage,) = read_checkout(tmp_path).stages
    assert (stage.name, stage.module, stage.trains) == ("owl", "owl", True)
