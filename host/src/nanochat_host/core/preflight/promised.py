"""What the earlier steps of a pipeline will have made when a later one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WRITES = {"base_train": "base", "mid_train": "mid", "chat_sft": "chatsft", "chat_rl": "chatrl"}
"""Stage to the kind of checkpoint it leaves."""


@dataclass(frozen=True)
class Promised:
    """data, tokenizer: will be there. checkpoints: options of the stage that leaves a checkpoint of
    this kind, in the order they are made."""

    data: bool = False
    tokenizer: bool = False
    checkpoints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def after(self, stage: str, options: Mapping[str, Any]) -> Promised:
        """The same when that stage has run too."""
        kind = WRITES.get(stage)
        made = {**self.checkpoints, kind: _tagged(self, options)} if kind else self.checkpoints
        return Promised(
            self.data or stage == "dataset", self.tokenizer or stage == "tok_train", made
        )

    def checkpoint(self, kinds: Sequence[str], tag: str) -> Mapping[str, Any] | None:
        """Options of the stage that will leave such a checkpoint, None if none will. tag: "" is
        any."""
        for kind in kinds:
            made = self.checkpoints.get(kind)
            if made is not None and tag in ("", made["model_tag"]):
                return made
        return None


NONE_YET = Promised()


def _tagged(before: Promised, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the tag that nanochat gives when none is asked for."""
    tag = options.get("model_tag")
    if not tag and options.get("depth"):
        tag = f"d{options['depth']}"
    if not tag and before.checkpoints:
        tag = list(before.checkpoints.values())[-1]["model_tag"]
    inherited = {} if options.get("depth") else dict(_last(before))
    return {**inherited, **{k: v for k, v in options.items() if v is not None}, "model_tag": tag}


def _last(before: Promised) -> Mapping[str, Any]:
    return list(before.checkpoints.values())[-1] if before.checkpoints else {}
