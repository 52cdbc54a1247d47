"""How many processes the commands of a recipe get."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.checkout.model import Checkout, Pipeline, Stage, Step
from nanochat_host.core import wire_config as wire
from nanochat_host.core.config.preset import NO_PRESET
from nanochat_host.core.config.steps import warnings_of
from nanochat_host.core.targets import steps_of

TRAIN = Stage("base_train", "scripts.base_train", "scripts/base_train.py", trains=True)


@pytest.mark.parametrize(
    ("recipe", "asked", "gpus", "processes"),
    [(8, None, 2, 8), (8, 4, 2, 4), (0, None, 2, 2), (0, None, 0, 1), (0, 3, 2, 3)],
)
def test_processes(recipe: int, asked: int | None, gpus: int, processes: int) -> None:
    pipeline = Pipeline("go", "go.sh", [Step("scripts.base_train", nproc=recipe)])
    found = Checkout(Path("/nowhere"), [TRAIN], [pipeline])
    ((step, stage),) = steps_of("mine", "go", asked, found, NO_PRESET, gpus=gpus)
    assert (step.nproc, stage) == (processes, TRAIN)


def test_a_command_finds_its_modules_where_the_stage_needs_them_or_the_recipe_says() -> None:
    stage = Stage("train", "owl.train", "src/owl/train.py", env={"PYTHONPATH": "src"})
    own = Step("owl.train", env={"PYTHONPATH": "lib", "X": "1"})
    pipeline = Pipeline("go", "go.sh", [Step("owl.train"), own])
    found = Checkout(Path("/nowhere"), [stage], [pipeline])
    ((alone, _),) = steps_of("mine", "train", None, found, NO_PRESET)
    (first, _), (second, _) = steps_of("mine", "go", None, found, NO_PRESET)
    assert alone.env == first.env == {"PYTHONPATH": "src"}
    assert second.env == {"PYTHONPATH": "lib", "X": "1"}


def test_what_a_start_is_told_of_its_warnings() -> None:
    found = [
        wire.Finding("note", "cpu", "no GPU here", "slow"),
        wire.Finding(
            "warning", "window", "SSSL is slow here", "no kernel", {"window_pattern": "L"}
        ),
        wire.Finding("warning", "tokenizer", "it is replaced", "noise", fix_note="copy it first"),
    ]
    report = wire.TargetReport("x", "base_train", [wire.StepReport("base_train", "m")])
    report.steps[0].findings = found
    told = ["SSSL is slow here; --set window_pattern=L", "it is replaced; copy it first"]
    assert warnings_of(report) == [f"warning: {line}" for line in told]
    report.pipeline = True
    assert warnings_of(report)[0].startswith("warning: base_train: SSSL")
