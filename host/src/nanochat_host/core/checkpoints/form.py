"""Options for a run that goes on from a checkpoint: resumed, the next stage, or an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nanochat_host.checkout.model import Stage
from nanochat_host.core.wire_checkpoints import TRAINERS, CheckpointDetail, FormFill, FormWish
from nanochat_host.errors import RefusedError

AFTER = {
    "base": ("mid_train", "chat_sft"),
    "mid": ("chat_sft",),
    "sft": ("chat_rl",),
    "sft-early": ("chat_rl",),
}
BASE_EVALS = ("base_eval", "base_loss")
STEP_OPTIONS = ("model_step", "step")
RESUME = "resume_from_step"


def fill(wish: FormWish, detail: CheckpointDetail, stages: Sequence[Stage]) -> FormFill:
    """What a start form is filled with. Raises RefusedError with the reason and the way out."""
    info = detail.info
    known = {stage.name: stage for stage in stages if not stage.error}
    if info.state == "broken":
        raise RefusedError(f"{info.id}: {info.problems[0]}", "take another step")
    if wish.use == "resume":
        return _resume(detail, known)
    names: tuple[str, ...]
    if wish.use == "evaluate":
        names = BASE_EVALS if info.stage == "base" else ("chat_eval",)
    else:
        names = AFTER.get(info.stage, ())
    if wish.target:
        names = (wish.target,)
    stage = next((known[name] for name in names if name in known), None)
    if stage is None:
        wanted = " or ".join(names) or f"no stage that begins with {info.stage}"
        raise RefusedError(f"this checkout has {_not(names)}{wanted}", "`checkout info` lists them")
    options = {option.name: option for option in stage.options}
    filled: dict[str, Any] = {"model_tag": info.tag, "source": info.stage.removesuffix("-early")}
    filled |= {next((n for n in STEP_OPTIONS if n in options), "model_step"): info.step}
    filled = {name: value for name, value in filled.items() if name in options}
    choices = options["source"].choices if "source" in options else None
    if choices and filled["source"] not in choices:
        del filled["source"]
    return FormFill(info.id, stage.name, filled, None, [])


def _resume(detail: CheckpointDetail, known: dict[str, Stage]) -> FormFill:
    info = detail.info
    name = TRAINERS.get(info.stage, "")
    stage = known.get(name)
    options = {option.name: option for option in stage.options} if stage else {}
    if RESUME not in options:
        others = [n for n in AFTER.get(info.stage, ()) if n in known]
        raise RefusedError(
            f"`{name or info.stage}` of this checkout cannot resume: it has no such option",
            f"continue as {others[0]} instead" if others else "start that stage again",
        )
    if info.state != "whole":
        what = info.problems[0] if info.problems else "it has no optimizer state"
        raise RefusedError(f"{info.id} cannot be resumed: {what}", "take another step")
    trained = {**detail.options, RESUME: info.step, "model_tag": info.tag}
    filled = {
        key: value
        for key, value in trained.items()
        if key in options and value != options[key].default
    }
    left_out = sorted(key for key in trained if key not in options and not _private(key))
    nproc = detail.world_size if detail.sharded else info.ranks
    return FormFill(info.id, name, filled, nproc or None, left_out)


def _private(key: str) -> bool:
    """Notes a trainer keeps of itself among its options."""
    return key.startswith("_")


def _not(names: Sequence[str]) -> str:
    return "no " if names else ""
