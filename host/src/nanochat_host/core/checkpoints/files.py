"""nanochat's names on disk, today's and older ones.

`<base>/<kind>_checkpoints/<tag>/{model_STEP.pt, meta_STEP.json, optim_STEP[_rankR].pt}`
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_FILE = re.compile(r"(?:(model|optim)_(\d+)(?:_rank(\d+))?\.pt|(meta)_(\d+)\.json)")
_SUFFIX = "_checkpoints"
_STAGES = {"chatsft": "sft", "chatrl": "rl", "sft": "sft-early"}
"""nanochat wrote `sft_checkpoints` for two days; under the name of both, ids would clash."""
STAGE_ORDER = ("base", "mid", "sft-early", "sft", "rl")


class Found(NamedTuple):
    """One file of a checkpoint. rank: -1 for files that are no optimizer's."""

    folder: Path
    name: str
    role: str
    rank: int
    size_bytes: int
    mtime_ns: int

    @property
    def path(self) -> Path:
        """Made when it is wanted: ten thousand of them are listed at once."""
        return self.folder / self.name


class FileSet(NamedTuple):
    """All files of one step."""

    folder: Path
    stage: str
    tag: str
    step: int
    files: list[Found]

    @property
    def id(self) -> str:
        return f"{self.stage}/{self.tag}/{self.step:06d}"

    @property
    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Changes when a file does."""
        return tuple((f.name, f.size_bytes, f.mtime_ns) for f in self.files)

    def one(self, role: str) -> Found | None:
        return next((f for f in self.files if f.role == role), None)

    @property
    def optimizers(self) -> list[Found]:
        return [f for f in self.files if f.role == "optim"]


def stage_of(folder_name: str) -> str:
    """`chatsft_checkpoints` is "sft"; a fork's own kinds keep their name."""
    kind = folder_name.removesuffix(_SUFFIX)
    return _STAGES.get(kind, kind)


def scan(base_dir: Path) -> list[FileSet]:
    """Every checkpoint below a base folder, by stage, tag and step. What cannot be read is left
    out: it belongs to somebody else."""
    found: list[FileSet] = []
    for kind in _folders(base_dir):
        if kind.endswith(_SUFFIX):
            for tag in _folders(base_dir / kind):
                found += _sets(base_dir / kind / tag, stage_of(kind), tag)
    order = {stage: at for at, stage in enumerate(STAGE_ORDER)}
    return sorted(found, key=lambda s: (order.get(s.stage, len(order)), s.stage, s.tag, s.step))


def sets_of(folder: Path, step: int) -> FileSet | None:
    """The files of one step of a folder `<base>/<kind>_checkpoints/<tag>`."""
    found = _sets(folder, stage_of(folder.parent.name), folder.name)
    return next((files for files in found if files.step == step), None)


def _folders(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            # A dot begins what is still being written.
            return [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    except OSError:
        return []


def _sets(folder: Path, stage: str, tag: str) -> list[FileSet]:
    steps: dict[int, list[Found]] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if match := _FILE.fullmatch(entry.name):
                    stat = entry.stat()
                    optimizer = match[1] == "optim"
                    rank = int(match[3] or 0) if optimizer else -1
                    file = Found(
                        folder,
                        entry.name,
                        match[1] or match[4],
                        rank,
                        stat.st_size,
                        stat.st_mtime_ns,
                    )
                    steps.setdefault(int(match[2] or match[5]), []).append(file)
    except OSError:
        return []
    return [
        FileSet(folder, stage, tag, step, sorted(files, key=lambda f: (f.role, f.rank)))
        for step, files in steps.items()
    ]
