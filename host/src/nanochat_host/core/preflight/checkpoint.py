"""Checkpoints as their file names and metadata tell; nothing is unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nanochat_host.core.checkpoints.archive import broken

_MODEL = re.compile(r"model_(\d+)\.pt")
_DEPTH = re.compile(r"d(\d+)")
INHERITED = ("max_seq_len", "device_batch_size", "total_batch_size")
MAX_META_BYTES = 8 * 2**20


class Checkpoint(NamedTuple):
    """steps: all saved under the tag. step: the one meant, which may not be among them. ranks: how
    many optimizer files it has."""

    folder: Path
    tag: str
    step: int
    steps: list[int]
    ranks: int
    meta: dict[str, Any]

    def inherited(self) -> dict[str, int]:
        """What a later stage takes over where its own option is not given."""
        found = {name: self.meta.get(name) for name in INHERITED}
        return {name: value for name, value in found.items() if isinstance(value, int)}

    def at(self, step: int) -> Checkpoint:
        """Another step of the same tag."""
        ranks = len(list(self.folder.glob(f"optim_{step:06d}*.pt")))
        return self._replace(step=step, ranks=ranks, meta=_meta(self.folder, step))

    def trouble(self, resumes: bool) -> str:
        """What is wrong with its files, "" if they can be whole. resumes: the optimizer's count."""
        if not self.meta:
            return f"meta_{self.step:06d}.json is missing or cannot be read"
        names = [f"model_{self.step:06d}.pt"]
        if resumes:
            names += [path.name for path in sorted(self.folder.glob(f"optim_{self.step:06d}*.pt"))]
            if not self.ranks:
                return "it has no optimizer state"
        for name in names:
            try:
                if why := broken(self.folder / name, (self.folder / name).stat().st_size):
                    return f"{name} is {why}"
            except OSError as error:
                return f"{name} is unreadable ({error.strerror})"
        return ""

    @property
    def saved_at(self) -> float:
        """When its model was written; later than any tokenizer if that is not known."""
        try:
            return (self.folder / f"model_{self.step:06d}.pt").stat().st_mtime
        except OSError:
            return float("inf")

    @property
    def vocab_size(self) -> int:
        config = self.meta.get("model_config")
        size = config.get("vocab_size") if isinstance(config, dict) else None
        return size if isinstance(size, int) else 0


class Begin(NamedTuple):
    """A stage's script, below the checkout, that begins with a checkpoint, or resumes from it."""

    folder: Path
    step: int
    meta: Mapping[str, Any]
    script: str
    resumes: bool
    options: Mapping[str, Any]


def find_checkpoint(
    base_dir: Path, kinds: Sequence[str], tag: str, step: int | None
) -> Checkpoint | None:
    """As nanochat looks for one: without a tag the deepest model, without a step the last. None if
    there is nothing under the tag."""
    for kind in kinds:
        root = base_dir / f"{kind}_checkpoints"
        chosen = tag or _deepest(root)
        if chosen and (steps := _steps(root / chosen)):
            wanted = steps[-1] if step is None else step
            folder = root / chosen
            ranks = len(list(folder.glob(f"optim_{wanted:06d}*.pt")))
            return Checkpoint(folder, chosen, wanted, steps, ranks, _meta(folder, wanted))
    return None


def _deepest(root: Path) -> str:
    try:
        tags = sorted((p.stat().st_mtime, p.name) for p in root.iterdir() if p.is_dir())
    except OSError:
        return ""
    deep = [(int(m[1]), mtime, tag) for mtime, tag in tags if (m := _DEPTH.match(tag))]
    return max(deep)[2] if deep else (tags[-1][1] if tags else "")


def _steps(folder: Path) -> list[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return sorted(int(match[1]) for name in names if (match := _MODEL.fullmatch(name)))


def _meta(folder: Path, step: int) -> dict[str, Any]:
    file = folder / f"meta_{step:06d}.json"
    try:
        if file.stat().st_size > MAX_META_BYTES:
            return {}
        tree = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
