"""What every module needs and that does not need torch: paths, output, ranks, the way out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

logging.basicConfig(
    level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s"
)


def get_base_dir() -> Path:
    """Folder of everything this checkout writes: $NANOCHAT_BASE_DIR, else ~/.cache/tiny_nanochat.

    The default is not nanochat's own ~/.cache/nanochat, whose tokenizer we would overwrite.
    """
    configured = os.environ.get("NANOCHAT_BASE_DIR")
    base_dir = Path(configured).expanduser() if configured else Path.home() / ".cache/tiny_nanochat"
    try:
        base_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        die(f"cannot create {base_dir} ({error.strerror}): set NANOCHAT_BASE_DIR to another folder")
    return base_dir


def get_dist_info() -> tuple[bool, int, int, int]:
    """(launched by torchrun?, rank, rank on this machine, number of ranks)."""
    env = os.environ
    if "RANK" not in env:
        return False, 0, 0, 1
    return True, int(env["RANK"]), int(env.get("LOCAL_RANK", "0")), int(env.get("WORLD_SIZE", "1"))


def print0(text: str = "") -> None:
    """Print on rank 0 only, at once and in one write: the reader of a pipe sees each line as it
    happens, and what another rank logs cannot fall between a line and its end."""
    if get_dist_info()[1] == 0:
        print(f"{text}\n", end="", flush=True)


def die(message: str) -> NoReturn:
    """Leave with exit code 1 and one line that says what is wrong and what to do."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(1)


class DummyWandb:
    """Stands where a wandb run would when `--run dummy` asked for none."""

    def log(self, data: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> None:
        """Accept what `wandb.Run.log` accepts and drop it."""

    def finish(self) -> None:
        """Nothing was opened."""


def start_wandb(run: str, project: str, config: Mapping[str, Any], master_process: bool) -> Any:
    """A wandb run named `run`, or a DummyWandb for the name "dummy" and on every rank but 0."""
    if run == "dummy" or not master_process:
        return DummyWandb()
    try:
        import wandb
    except ModuleNotFoundError:
        die(f"--run={run} needs wandb, which is not installed: pip install wandb, or --run=dummy")
    return wandb.init(project=project, name=run, config=dict(config))
