"""Checkpoints: <stage>_checkpoints/<tag>/{model_STEP.pt, meta_STEP.json, optim_STEP_rankR.pt}."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from nanochat.common import die, get_base_dir
from nanochat.gpt import GPT, GPTConfig
from nanochat.tokenizer import Tokenizer, get_tokenizer
from nanochat.torch_setup import torch

logger = logging.getLogger(__name__)

FOLDERS = {"base": "base_checkpoints", "sft": "chatsft_checkpoints"}
MADE_BY = {"base": "scripts.base_train", "sft": "scripts.chat_sft"}


def _write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Under another name until complete: a file called model_*.pt can always be loaded."""
    unfinished = path.with_suffix(".tmp")
    try:
        with unfinished.open("wb") as file:
            write(file)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        die(f"cannot write {path} ({error.strerror}): free some space or set NANOCHAT_BASE_DIR")


def save_checkpoint(
    checkpoint_dir: str | Path,
    step: int,
    model_data: dict[str, Any],
    optimizer_data: dict[str, Any] | None,
    meta_data: dict[str, Any],
    rank: int = 0,
) -> None:
    """Save a step. Rank 0 writes the model and its description, every rank its optimizer."""
    folder = Path(checkpoint_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if rank == 0:
        path = folder / f"model_{step:06d}.pt"
        _write(path, lambda file: torch.save(model_data, file))
        logger.info(f"Saved model parameters to: {path}")
        path = folder / f"meta_{step:06d}.json"
        _write(path, lambda file: file.write(json.dumps(meta_data, indent=2).encode()))
        logger.info(f"Saved metadata to: {path}")
    if optimizer_data is not None:
        path = folder / f"optim_{step:06d}_rank{rank:d}.pt"
        _write(path, lambda file: torch.save(optimizer_data, file))
        logger.info(f"Saved optimizer state to: {path}")


def load_checkpoint(
    checkpoint_dir: str | Path,
    step: int,
    device: torch.device,
    load_optimizer: bool = False,
    rank: int = 0,
) -> tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any]]:
    """(model state, optimizer state or None, metadata) of a step. Leaves with a hint if damaged.

    All ranks hold the same optimizer state, so a rank without a file of its own takes rank 0's:
    a run may be resumed with another number of ranks.
    """
    folder = Path(checkpoint_dir)
    path = folder / f"model_{step:06d}.pt"
    if not path.exists():
        die(f"no checkpoint of step {step} in {folder}: {_steps_text(folder)}")
    optimizer_data = None
    try:
        model_data = torch.load(path, map_location=device)
        if load_optimizer:
            path = folder / f"optim_{step:06d}_rank{rank}.pt"
            path = path if path.exists() else folder / f"optim_{step:06d}_rank0.pt"
            optimizer_data = torch.load(path, map_location=device)
        path = folder / f"meta_{step:06d}.json"
        meta_data = json.loads(path.read_text())
    except Exception as error:  # torch.load raises nearly anything on a truncated file
        die(f"cannot load {path} ({_first_line(error)}): take another step; {_steps_text(folder)}")
    return model_data, optimizer_data, meta_data


def find_last_step(checkpoint_dir: Path) -> int | None:
    """The highest step saved in a folder, None without any."""
    return max(_steps(checkpoint_dir), default=None)


def find_model_tag(source: str) -> str:
    """The tag saved last for a stage. Leaves with a hint when the stage has none."""
    folder = get_base_dir() / FOLDERS[source]
    files = sorted(folder.glob("*/model_*.pt"), key=lambda path: path.stat().st_mtime)
    if not files:
        die(f"no checkpoint in {folder}: run `python -m {MADE_BY[source]}` first")
    return files[-1].parent.name


def find_checkpoint(source: str, model_tag: str | None, step: int | None) -> tuple[Path, int]:
    """(folder, step) of a stage's checkpoint: the last tag and its last step unless given."""
    folder = get_base_dir() / FOLDERS[source] / (model_tag or find_model_tag(source))
    found = find_last_step(folder) if step is None else step
    if found is None:
        tags = sorted({path.parent.name for path in folder.parent.glob("*/model_*.pt")})
        there = f"there is: {', '.join(tags)}" if tags else f"run `python -m {MADE_BY[source]}`"
        die(f"no checkpoint in {folder}: {there}")
    return folder, found


def load_model(
    source: str,
    device: torch.device,
    phase: str,
    model_tag: str | None = None,
    step: int | None = None,
) -> tuple[GPT, Tokenizer, dict[str, Any]]:
    """(model in `phase` "train" or "eval", tokenizer, metadata) of a "base" or "sft" checkpoint."""
    if source not in FOLDERS:
        die(f"--source={source}: one of {', '.join(FOLDERS)}")
    folder, found = find_checkpoint(source, model_tag, step)
    logger.info(f"Loading model from {folder} with step {found}")
    model_data, _, meta_data = load_checkpoint(folder, found, device)
    tokenizer = get_tokenizer()
    if meta_data.get("tokenizer_sha256") != tokenizer.digest():
        die(
            f"{folder} step {found} was trained with another tokenizer than the one in "
            f"{get_base_dir() / 'tokenizer'}: train the model again"
        )
    logger.info(f"Building model with config: {meta_data['model_config']}")
    model = GPT(GPTConfig(**meta_data["model_config"])).to(device)
    model.load_state_dict(model_data)
    return model.train(phase == "train"), tokenizer, meta_data


def _steps(folder: Path) -> list[int]:
    found = (re.fullmatch(r"model_(\d+)\.pt", path.name) for path in folder.glob("model_*.pt"))
    return sorted(int(match[1]) for match in found if match)


def _steps_text(folder: Path) -> str:
    steps = _steps(folder)
    return f"saved steps: {', '.join(map(str, steps))}" if steps else "none is saved there"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]
