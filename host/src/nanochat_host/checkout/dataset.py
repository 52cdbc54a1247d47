"""Where a checkout keeps its pretraining text, as its library's `dataset.py` says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from .hook.package import package

_FOLDER = re.compile(r"[\"'](base_data\w*)[\"']")
_LAST = re.compile(r"^MAX_SHARD *= *(\d+)", re.MULTILINE)
_PINNED = re.compile(r"append\(\s*MAX_SHARD\s*\)")


class DatasetPlace(NamedTuple):
    """folder: below the base folder. suffix: of its files. last: number of the last shard there is,
    -1 if unknown. pinned: that shard is always downloaded, and is the validation shard; without
    it the last file present is."""

    folder: str
    suffix: str
    last: int
    pinned: bool

    @property
    def validation(self) -> str:
        """Name of the pinned validation file, "" if it is whichever comes last."""
        return f"shard_{self.last:05d}{self.suffix}" if self.pinned else ""

    def wanted(self, num_files: int) -> int:
        """Files that `--num-files=N` is to bring, validation shard included; 0 if unknown. Below 0
        is all there are."""
        if num_files < 0:
            return self.last + 1
        if self.last < 0:
            return num_files
        return min(num_files, self.last) + 1 if self.pinned else min(num_files, self.last + 1)


def dataset_place(checkout: Path) -> DatasetPlace | None:
    """None if the source does not tell."""
    try:
        source = (package(checkout) / "dataset.py").read_text("utf-8", "replace")
    except OSError:
        return None
    names = _FOLDER.findall(source)
    if not names:
        return None
    last = _LAST.search(source)
    return DatasetPlace(
        folder=names[0],
        suffix=".parquet" if ".parquet" in source else ".jsonl",
        last=int(last[1]) if last else -1,
        # Since ClimbMix; before, the last shard that was there was the validation shard.
        pinned=last is not None and ("climbmix" in names[0] or _PINNED.search(source) is not None),
    )
