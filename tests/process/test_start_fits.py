"""A checkpoint of other code than the checkout's is refused before anything starts, and only one
that its own loader would refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from core_rig import CoreRig
from nanochat_host.core import calls_config
from nanochat_host.core.wire import AddCheckout, StartRun
from nanochat_host.core.wire_config import Finding, TargetWish
from nanochat_host.errors import RefusedError
from test_chat_tiny import MAKE, TINY

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
LOAD = "    model.load_state_dict(model_data)\n"
NEWER = {
    "gpt.py": (
        "        self.lm_head =",
        "        self.smear = nn.Linear(3, 5)\n        self.lm_head =",
    )
}
CONVERTS = {
    **NEWER,
    "checkpoint_manager.py": (
        LOAD,
        "    model_data = {**model.state_dict(), **model_data}\n" + LOAD,
    ),
}
FILLS = {
    "gpt.py": (
        "        self.lm_head =",
        "        self.smear = nn.Linear(3, 5)\n"
        "        self.register_load_state_dict_pre_hook(\n"
        "            lambda module, state, *_: state.update(\n"
        "                module.smear.state_dict(prefix='smear.') | state\n"
        "            )\n"
        "        )\n"
        "        self.lm_head =",
    )
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreRig]:
    made = CoreRig(tmp_path_factory.mktemp("start-fits"))
    base = made.folder / "base"
    env = {**os.environ, "NANOCHAT_BASE_DIR": str(base), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", MAKE], cwd=TINY, env=env, check=True, timeout=90)
    made.start()
    for name, changes in {"newer": NEWER, "converts": CONVERTS, "fills": FILLS}.items():
        fork = made.folder / name
        shutil.copytree(TINY, fork)
        for file, (old, new) in changes.items():
            source = fork / "nanochat" / file
            text = source.read_text()
            assert text.count(old) == 1
            source.write_text(text.replace(old, new))
        about = AddCheckout(str(fork), name, python=sys.executable, base_dir=str(base))
        made.client.add_checkout(about)
    about = AddCheckout(str(TINY), "same", python=sys.executable, base_dir=str(base))
    made.client.add_checkout(about)
    yield made
    made.close()


def of_code(rig: CoreRig, checkout: str, target: str = "chat_sft", **options: Any) -> list[Finding]:
    wish = TargetWish(checkout, target, options={"model_tag": "d2", **options}, ask=True)
    report = rig.client.ask(calls_config.config_target(wish))
    assert not report.unasked
    return [f for step in report.steps for f in step.findings if f.code == "architecture"]


@pytest.mark.parametrize("target", ["chat_sft", "base_eval", "chat_cli"])
def test_older_weights_are_refused_before_anything_starts(rig: CoreRig, target: str) -> None:
    with pytest.raises(RefusedError) as refused:
        rig.client.start_run(StartRun("newer", target, options={"model_tag": "d2"}))
    assert "smear" in refused.value.message and "which the file has not" in refused.value.message
    assert "the commit, that trained it" in refused.value.hint and "--force" in refused.value.hint
    assert not rig.client.runs() and not list(rig.paths.runs.glob("*"))


def test_what_was_asked_once_is_known_while_a_form_is_filled(rig: CoreRig) -> None:
    first = of_code(rig, "newer", "base_train", depth=2, resume_from_step=3)
    wish = TargetWish("newer", "chat_sft", options={"model_tag": "d2"})
    report = rig.client.ask(calls_config.config_target(wish))
    found = [f for f in report.steps[0].findings if f.code == "architecture"]
    assert not report.unasked and [f.severity for f in found] == ["error"]
    assert not first, "it has no optimizer, so it cannot be resumed at all"


def test_code_that_trained_it_begins_with_it(rig: CoreRig) -> None:
    assert not of_code(rig, "same") and not of_code(rig, "same", "base_eval")


def test_what_the_model_itself_fills_in_is_not_missing(rig: CoreRig) -> None:
    assert not of_code(rig, "fills") and not of_code(rig, "fills", "base_eval")


def test_what_the_fork_may_convert_is_a_warning(rig: CoreRig) -> None:
    assert [f.severity for f in of_code(rig, "converts")] == ["warning"]
