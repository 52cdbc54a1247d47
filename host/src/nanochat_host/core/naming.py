"""One name for a run: its W&B run, the tag of its model and so the folder of its checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanochat_host.checkout.model import Stage
from nanochat_host.core.preflight.situation import SOURCES
from nanochat_host.core.secrets import handover, parse
from nanochat_host.core.secrets.needs import NO_WANDB
from nanochat_host.errors import UsageError

RUN, TAG = "run", "model_tag"


class Naming:
    """Goes with the commands of one run, in order. name: as the person gave it, "" for none: then
    nothing is named. wandb: somebody can receive a W&B run."""

    def __init__(self, name: str, *, wandb: bool) -> None:
        self.slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
        self._wandb = wandb
        self._model_made = False

    def options(self, stage: Stage, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the name sets for this stage. given: options that have a value already; those stay,
        but for a W&B name that means none."""
        named: dict[str, Any] = {}
        if not self.slug:
            return named
        known = {option.name for option in stage.options}
        if RUN in known and self._wandb and str(given.get(RUN, "")) in NO_WANDB:
            named[RUN] = self.slug
        makes_model = stage.trains and stage.name not in SOURCES
        resumes = isinstance(step := given.get("resume_from_step"), int) and step >= 0
        self._model_made |= makes_model and TAG in known and not given.get(TAG) and not resumes
        # Later stages of the same run take up the model that the first one made under this tag.
        if TAG in known and self._model_made and not given.get(TAG):
            named[TAG] = self.slug
        return named


def wandb_listens(env: Mapping[str, str], stored: bool) -> bool:
    """Whether a run that names itself at W&B would be received: online with a token, or offline. It
    would otherwise end with a question nobody can answer. stored: we hold a token."""
    mode = env.get("WANDB_MODE", "")
    if mode in ("disabled", "dryrun"):
        return False
    if mode == "offline" or stored or env.get("WANDB_API_KEY"):
        return True
    try:
        found = parse.tokens_in_file(Path.home() / ".netrc")
    except UsageError:
        return False  # there is none, or it cannot be read
    return any(item.kind.name == "wandb" for item in found)


def trainer_env(extra: Mapping[str, str]) -> dict[str, str]:
    """What a trainer will see of the environment."""
    return {**handover.environment(), **extra}
