"""The files of a data set: which are there, and whether they are whole. A name is no proof:
nanochat's downloader ends well after it has fetched nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from nanochat_host.checkout.dataset import DatasetPlace
from nanochat_host.core.preflight.parquet import MAGIC, NotParquetError, row_groups

UNFINISHED = ".tmp"


class Shard(NamedTuple):
    """A file of the data set. trouble: why it cannot be read, "" if it can."""

    name: str
    size_bytes: int
    trouble: str = ""


class Shards(NamedTuple):
    """What lies in the folder. unfinished: still being written, or left behind."""

    whole: list[Shard]
    broken: list[Shard]
    unfinished: list[Shard]

    @property
    def size_bytes(self) -> int:
        """Of everything that is there."""
        return sum(shard.size_bytes for group in self for shard in group)


class ShardReader:
    """Remembers what it found by each file's size and time: a folder of thousands is read once."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[int, int], str]] = {}

    def read(self, base_dir: Path, place: DatasetPlace) -> Shards:
        """Blocks. A folder that is not there holds nothing."""
        whole: list[Shard] = []
        broken: list[Shard] = []
        unfinished: list[Shard] = []
        try:
            files = sorted((base_dir / place.folder).iterdir())
        except OSError:
            files = []
        for file in files:
            try:
                found = file.stat()
            except OSError:
                continue  # it was renamed or removed this moment
            if file.suffix == UNFINISHED:
                unfinished.append(Shard(file.name, found.st_size))
            elif file.suffix == place.suffix:
                trouble = self._trouble(file, (found.st_size, found.st_mtime_ns))
                group = broken if trouble else whole
                group.append(Shard(file.name, found.st_size, trouble))
        return Shards(whole, broken, unfinished)

    def _trouble(self, file: Path, stamp: tuple[int, int]) -> str:
        known = self._seen.get(file)
        if known is None or known[0] != stamp:
            known = self._seen[file] = (stamp, trouble_of(file))
        return known[1]


def trouble_of(file: Path) -> str:
    """Why the file is not whole, "" if it is."""
    try:
        if file.suffix == ".parquet":
            with file.open("rb") as start:
                if start.read(len(MAGIC)) != MAGIC:
                    return "it does not begin like a Parquet file"
            return "" if row_groups(file) else "it holds no rows"
        with file.open("rb") as lines:
            first = lines.readline(2**20)
            lines.seek(max(0, lines.seek(0, 2) - 1))
            if lines.read(1) != b"\n":
                return "its last line is cut off"
        json.loads(first)
    except NotParquetError as error:
        return str(error).replace(f"{file} ", "it ")
    except OSError as error:
        return error.strerror or str(error)
    except ValueError:
        return "its first line is no JSON"
    return ""
