"""The list of checkpoints: names, sizes, metadata; what did not change is not read again."""

from __future__ import annotations

import json
import math
import shutil
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from nanochat_host.core.checkpoints.archive import broken
from nanochat_host.core.checkpoints.files import FileSet, Found, scan
from nanochat_host.core.wire_checkpoints import (
    CheckpointFile,
    CheckpointInfo,
    CheckpointList,
    CheckpointState,
)

MAX_META_BYTES = 8 * 2**20
SAME_SIZE = 0.01
"""Ranks hold equal parts: optimizer files whose sizes differ by more are not of one run."""


class Listed(NamedTuple):
    """A checkpoint with where its files are."""

    info: CheckpointInfo
    files: FileSet
    meta: dict[str, Any]


class Catalog:
    """Remembers what it read by the files' names, sizes and times. Methods block; thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[tuple[str, int, int], ...], Listed]] = {}
        self._lock = threading.Lock()

    def read(self, base_dir: Path) -> list[Listed]:
        """All checkpoints of a base folder, by stage, tag and step."""
        with self._lock:
            listed = [self._one(files) for files in scan(base_dir)]
            here = {item.files.folder / str(item.files.step) for item in listed}
            for key in [k for k in self._seen if k.is_relative_to(base_dir) and k not in here]:
                del self._seen[key]
            return listed

    def listing(self, checkout: str, base_dir: Path) -> CheckpointList:
        """The same for the API."""
        began = time.perf_counter()
        found = [item.info for item in self.read(base_dir)]
        there = base_dir
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            free = shutil.disk_usage(there).free
        except OSError:
            free = 0
        took = time.perf_counter() - began
        return CheckpointList(checkout, str(base_dir), found, free_bytes=free, read_s=took)

    @staticmethod
    def describe(files: FileSet) -> CheckpointInfo:
        """One, read anew."""
        return _read(files).info

    def _one(self, files: FileSet) -> Listed:
        key = files.folder / str(files.step)
        known = self._seen.get(key)
        if known is None or known[0] != files.stamp:
            known = self._seen[key] = (files.stamp, _read(files))
        return known[1]


def _read(files: FileSet) -> Listed:
    meta, meta_trouble = read_meta(files.one("meta"))
    folder = str(files.folder)
    rows = [CheckpointFile(f.name, f.size_bytes, _trouble(folder, f)) for f in files.files]
    bad_weights = [f"{row.name} is {row.trouble}" for row in rows if row.trouble]
    problems = list(bad_weights)
    if files.one("model") is None:
        problems.append(f"model_{files.step:06d}.pt is missing")
    if meta_trouble:
        problems.append(meta_trouble)
    cannot_load = files.one("model") is None or bool(meta_trouble)
    cannot_load |= any(row.trouble and row.name.startswith("model") for row in rows)
    optimizer_problems = _ranks(files)
    state: CheckpointState = "whole"
    if cannot_load:
        state = "broken"
    elif not files.optimizers or optimizer_problems or bad_weights:
        state = "weights"
    model = meta.get("model_config")
    info = CheckpointInfo(
        id=files.id,
        stage=files.stage,
        tag=files.tag,
        step=files.step,
        folder=folder,
        state=state,
        size_bytes=sum(f.size_bytes for f in files.files),
        saved_at=max(f.mtime_ns for f in files.files) / 1e9,
        ranks=len(files.optimizers),
        files=rows,
        problems=problems + optimizer_problems,
        metrics=_metrics(meta),
        model=plain(model) if isinstance(model, dict) else {},
    )
    return Listed(info, files, meta)


def read_meta(file: Found | None) -> tuple[dict[str, Any], str]:
    """(metadata, what is wrong with it). nanochat's JSON may hold Infinity and NaN."""
    if file is None:
        return {}, "its meta_*.json is missing"
    if file.size_bytes > MAX_META_BYTES:
        return {}, f"{file.name} is no metadata: {file.size_bytes} bytes"
    try:
        tree = json.loads(file.path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        short = str(error).splitlines()[0][:80]
        return {}, f"{file.name} cannot be read ({short})"
    if not isinstance(tree, dict):
        return {}, f"{file.name} is no metadata"
    return tree, ""


def plain(tree: Any) -> Any:
    """The same without NaN and Infinity, which JSON has not: as text."""
    if isinstance(tree, dict):
        return {str(key): plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return str(tree)
    return tree


def _trouble(folder: str, file: Found) -> str:
    if file.role == "meta":
        return ""
    try:
        return broken(f"{folder}/{file.name}", file.size_bytes)
    except OSError as error:
        return f"unreadable ({error.strerror})"


def _ranks(files: FileSet) -> list[str]:
    """What is wrong with the set of optimizer files. None at all is no fault: some stages save
    none."""
    have = [f.rank for f in files.optimizers]
    if not have:
        return []
    missing = sorted(set(range(max(have) + 1)) - set(have))
    if missing:
        ranks = ", ".join(map(str, missing))
        return [f"optimizer files of rank {ranks} are missing"]
    sizes = [f.size_bytes for f in files.optimizers]
    if max(sizes) - min(sizes) > max(SAME_SIZE * max(sizes), 4096):
        return ["its optimizer files differ in size: some are left from a run with other ranks"]
    return []


def _metrics(meta: dict[str, Any]) -> dict[str, float]:
    found = {
        key: float(value)
        for key, value in meta.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and key not in _NO_METRIC
    }
    return {key: value for key, value in found.items() if math.isfinite(value)}


_NO_METRIC = frozenset({"step", "device_batch_size", "max_seq_len", "total_batch_size"})
