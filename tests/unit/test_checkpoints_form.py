"""Going on from a checkpoint: which stage, with which options, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fake_weights as fake
import pytest
from nanochat_host.checkout.model import Option, Stage
from nanochat_host.core.checkpoints.catalog import Catalog
from nanochat_host.core.checkpoints.form import fill
from nanochat_host.core.checkpoints.inspect import inspect
from nanochat_host.core.wire_checkpoints import FormFill, FormWish
from nanochat_host.errors import RefusedError


def stage(name: str, **options: Any) -> Stage:
    """A stage with options of these defaults; a list gives choices."""
    declared = [
        Option(key, f"--{key}", "str", value[0], choices=value)
        if isinstance(value, list)
        else Option(key, f"--{key}", "int", value)
        for key, value in options.items()
    ]
    return Stage(name, f"scripts.{name}", f"scripts/{name}.py", "argparse", declared)


TODAY = [
    stage("base_train", depth=20, resume_from_step=-1, model_tag=None, eval_every=250),
    stage("base_eval", model_tag=None, step=None),
    stage("chat_sft", model_tag=None, model_step=None),
    stage("chat_rl", model_tag=None, model_step=None),
    stage("chat_eval", source=["sft", "rl"], model_tag=None, step=None),
]
OLDER = [*TODAY, stage("mid_train", model_tag=None, step=None)]


def of(base: Path, word: str, use: Any, stages: list[Stage], target: str = "") -> FormFill:
    listed = {item.info.id: item for item in Catalog().read(base)}
    return fill(FormWish("fake", word, use, target), inspect(listed[word]), stages)


def test_resuming_takes_what_is_not_the_default_and_says_what_is_left_out(tmp_path: Path) -> None:
    options = {"depth": 4, "eval_every": 250, "resume_from_step": -1, "old": 3, "model_tag": None}
    fake.checkpoint(tmp_path, tag="mine", step=20, ranks=2, user_config=options)
    found = of(tmp_path, "base/mine/000020", "resume", TODAY)
    assert found.options == {"depth": 4, "resume_from_step": 20, "model_tag": "mine"}
    assert (found.target, found.nproc, found.left_out) == ("base_train", 2, ["old"])


def test_the_next_stage_is_the_one_this_checkout_has(tmp_path: Path) -> None:
    fake.checkpoint(tmp_path, step=20)
    fake.checkpoint(tmp_path, "chatsft", step=5, ranks=0)
    assert of(tmp_path, "base/d2/000020", "continue", TODAY).target == "chat_sft"
    older = of(tmp_path, "base/d2/000020", "continue", OLDER)
    assert (older.target, older.options) == ("mid_train", {"model_tag": "d2", "step": 20})
    assert of(tmp_path, "base/d2/000020", "continue", OLDER, "chat_sft").target == "chat_sft"
    assert of(tmp_path, "sft/d2/000005", "continue", TODAY).target == "chat_rl"
    evaluated = of(tmp_path, "sft/d2/000005", "evaluate", TODAY)
    assert evaluated.target == "chat_eval"
    assert evaluated.options == {"source": "sft", "model_tag": "d2", "step": 5}


def test_what_cannot_be_gone_on_from_says_the_way_out(tmp_path: Path) -> None:
    fake.checkpoint(tmp_path, "chatsft", step=5, ranks=0)
    fake.checkpoint(tmp_path, "chatrl", step=6, ranks=0)
    fake.checkpoint(tmp_path, step=10, ranks=0)
    torn = fake.checkpoint(tmp_path, step=20) / "model_000020.pt"
    torn.write_bytes(b"")
    for word, use, message, hint in (
        ("sft/d2/000005", "resume", "cannot resume", "continue as chat_rl instead"),
        ("rl/d2/000006", "continue", "no stage that begins with rl", "checkout info"),
        ("base/d2/000010", "resume", "it has no optimizer state", "take another step"),
        ("base/d2/000020", "resume", "model_000020.pt is empty", "take another step"),
        ("base/d2/000020", "evaluate", "model_000020.pt is empty", "take another step"),
    ):
        with pytest.raises(RefusedError) as refused:
            of(tmp_path, word, use, TODAY)
        assert message in refused.value.message and hint in refused.value.hint
