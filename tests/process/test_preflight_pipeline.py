"""A pipeline is looked at as a whole before its first step: what an earlier step makes counts as
there, and what a later one cannot do is said, and refused, before anything begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import CoreRig
from nanochat_host.core import calls_config as calls
from nanochat_host.core.wire import StartRun
from nanochat_host.core.wire_config import StepReport, TargetReport, TargetWish
from nanochat_host.errors import RefusedError, UsageError

BASE = """import argparse
from nanochat.tokenizer import get_tokenizer
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int, default=4)
parser.add_argument("--max-seq-len", type=int, default=64)
parser.add_argument("--device-batch-size", type=int, default=2)
parser.add_argument("--total-batch-size", type=int, default=1024)
parser.add_argument("--num-iterations", type=int, default=3)
parser.add_argument("--model-tag", type=str, default=None)
args = parser.parse_args()
for step in range(args.num_iterations):
    optimizer.step()
"""
SFT = """import argparse
from nanochat.tokenizer import get_tokenizer
parser = argparse.ArgumentParser()
parser.add_argument("--model-tag", type=str, default=None)
parser.add_argument("--model-step", type=int, default=None)
parser.add_argument("--max-seq-len", type=int, default=None)
parser.add_argument("--device-batch-size", type=int, default=None)
parser.add_argument("--total-batch-size", type=int, default=None)
parser.add_argument("--num-iterations", type=int, default=4)
args = parser.parse_args()
"""
WHOLE = """#!/bin/bash
python -m scripts.tok_train --vocab-size=300
python -m scripts.base_train --depth=2
python -m scripts.chat_sft
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path)
    (rig.checkout / "scripts" / "base_train.py").write_text(BASE)
    (rig.checkout / "scripts" / "chat_sft.py").write_text(SFT)
    (rig.checkout / "runs" / "whole.sh").write_text(WHOLE)
    rig.start()
    rig.add_checkout()
    yield rig
    rig.close()


def look(rig: CoreRig, target: str = "whole", **options: object) -> TargetReport:
    return rig.client.ask(calls.config_target(TargetWish("fake", target, options=options)))


def errors(step: StepReport) -> list[str]:
    return [finding.code for finding in step.findings if finding.severity == "error"]


def test_what_earlier_steps_make_counts_as_there(rig: CoreRig) -> None:
    report = look(rig)
    assert report.pipeline
    assert [step.title for step in report.steps] == ["tok_train", "base_train", "chat_sft"]
    assert [errors(step) for step in report.steps] == [[], [], []]
    alone = look(rig, "chat_sft")
    assert not alone.pipeline
    assert sorted(errors(alone.steps[0])) == ["no_checkpoint", "no_tokenizer"]


def test_values_say_that_the_recipe_typed_them(rig: CoreRig) -> None:
    base = look(rig, **{"base_train.max_seq_len": "128"}).steps[1]
    assert base.config is not None
    sources = {value.name: (value.value, value.source) for value in base.config.values}
    assert sources["depth"] == (2, "recipe:whole")
    assert sources["max_seq_len"] == (128, "set")
    assert sources["num_iterations"] == (3, "default")


def test_a_step_that_cannot_work_is_refused_before_the_first(rig: CoreRig) -> None:
    options = {"chat_sft.model_tag": "d9"}
    found = look(rig, **options).steps[2]
    assert errors(found) == ["no_checkpoint"]
    with pytest.raises(RefusedError) as refused:
        rig.client.start_run(StartRun("fake", "whole", options=options))
    assert refused.value.message.startswith("chat_sft: there is no checkpoint of tag d9 in ")
    assert "--force" in refused.value.hint
    assert rig.client.runs() == []


def test_the_second_step_inherits_what_the_first_will_train_with(rig: CoreRig) -> None:
    """1,024 tokens are no multiple of 3 rows of 64 tokens, whichever stage asks for the rows."""
    report = look(rig, device_batch_size="3")
    assert errors(report.steps[1]) == ["batch_not_divisible"]
    assert errors(report.steps[2]) == ["batch_not_divisible"]
    fixed = report.steps[1].findings[0].fix
    assert [errors(s) for s in look(rig, **{"device_batch_size": "3", **fixed}).steps][1] == []


def test_an_option_no_step_has_is_named(rig: CoreRig) -> None:
    with pytest.raises(UsageError) as unknown:
        look(rig, dpth="3")
    assert unknown.value.message == "`whole` has no option `dpth`"
    assert "`depth`" in unknown.value.hint


def test_a_prefab_s_key_that_the_fork_has_not_can_be_left_out(rig: CoreRig) -> None:
    rig.paths.prefabs.mkdir(parents=True, exist_ok=True)
    text = "version: 1\nstages:\n  base_train: {depth: 3, fp8: true}\n"
    (rig.paths.prefabs / "new.yaml").write_text(text)
    wish = TargetWish("fake", "whole", prefab="new")
    finding = rig.client.ask(calls.config_target(wish)).steps[1].findings[0]
    assert "new.yaml:3" in finding.what and "`fp8` is no option of this stage" in finding.what
    assert finding.fix == {"fp8": None}
    wish.options = dict(finding.fix)
    report = rig.client.ask(calls.config_target(wish))
    assert [errors(step) for step in report.steps] == [[], [], []]
    start = StartRun("fake", "whole", prefab="new", options=finding.fix, force=True)
    run = rig.client.start_run(start)
    argv = rig.client.run(run.facts.id).record.steps[1].argv
    assert "--depth=3" in argv and not any("fp8" in word for word in argv)
