"""A run that is to log to W&B, before it starts: nanochat would wait for W&B and then stop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nanochat_host.core.naming import trainer_env
from nanochat_host.core.prepare import Prepared
from nanochat_host.core.secrets.check import UnreachableError, ask, check_token, wandb_url
from nanochat_host.core.secrets.kinds import KINDS, Hidden
from nanochat_host.core.secrets.needs import needs
from nanochat_host.core.wire import RunStep
from nanochat_host.errors import RefusedError

WANDB = KINDS["wandb"]
MODE = "WANDB_MODE"
ONLINE = frozenset({"", "online", "run"})
SETTINGS = Path(".config") / "wandb" / "settings"
KEPT = "it is logged offline, and `wandb sync` sends its folder later"


def settle_wandb(prepared: Prepared, token: Hidden | None, *, force: bool) -> Prepared:
    """The same run, logging offline if W&B is out of reach; a note says so. token: what it will log
    in with, None if that is not ours to know. Raises RefusedError when W&B refuses the token,
    unless forced: then it logs offline too. Blocks for a question."""
    env = trainer_env(prepared.extra_env)
    steps = [step for step in prepared.record.steps if _online(step, env)]
    if not steps or _elsewhere(env):
        return prepared
    try:
        if token is not None:
            check_token(WANDB, token)
        else:
            _reach()
    except UnreachableError as error:
        if "certificate" in error.message.lower():
            return prepared  # its own client may trust more than we do
        return _offline(prepared, steps, error.message)
    except RefusedError as error:
        if not force:
            raise RefusedError(error.message, f"{error.hint}; --force logs offline") from None
        return _offline(prepared, steps, error.message)
    return prepared


def _offline(prepared: Prepared, steps: list[RunStep], why: str) -> Prepared:
    for step in steps:
        step.env = {**step.env, MODE: "offline"}
    return prepared._replace(notes=(*prepared.notes, f"{why}; {KEPT}"))


def _online(step: RunStep, env: Mapping[str, str]) -> bool:
    mode = step.env.get(MODE, env.get(MODE, ""))
    return "wandb" in needs(step) and mode.lower() in ONLINE


def _elsewhere(env: Mapping[str, str]) -> bool:
    """Whether the trainer may speak to another server than we would ask."""
    if env.get("WANDB_BASE_URL", "") != os.environ.get("WANDB_BASE_URL", ""):
        return True
    try:
        return "base_url" in (Path.home() / SETTINGS).read_text("utf-8", "replace")
    except OSError:
        return False


def _reach() -> None:
    """Raises UnreachableError when nobody answers; any answer will do."""
    try:
        ask(f"{wandb_url()}/graphql", {}, {"query": "query { __typename }"}, title=WANDB.title)
    except RefusedError:
        return
