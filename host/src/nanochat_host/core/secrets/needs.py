"""Which command of a run needs which token."""

from __future__ import annotations

import re
from itertools import pairwise

from nanochat_host.core.wire import RunStep

_FETCHES = re.compile(
    r"(?:^|[._])(?:dataset|eval|loss|mid_train|chat_sft|chat_rl|sft|rl)(?:$|[._])"
)
NO_WANDB = frozenset({"", "dummy", "none", "disabled"})


def needs(step: RunStep) -> set[str]:
    """Names of the accounts a command uses: W&B if it is given a run name, which is how nanochat
    is told to log there; Hugging Face where data sets and evaluation bundles are fetched."""
    out = set()
    if wandb_name(step) not in NO_WANDB and step.env.get("WANDB_MODE") not in _NO_KEY:
        out.add("wandb")
    if _FETCHES.search(step.module):
        out.add("hf")
    return out


_NO_KEY = ("offline", "disabled", "dryrun")


def wandb_name(step: RunStep) -> str:
    """The W&B run name a command is given, "" if none."""
    name = step.env.get("WANDB_RUN", "")
    for word, following in pairwise([*step.argv, ""]):
        if word.startswith("--run="):
            name = word.removeprefix("--run=")
        elif word == "--run":
            name = following
    return name
