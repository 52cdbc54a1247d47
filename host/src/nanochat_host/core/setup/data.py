"""Data set and tokenizer of a checkout, told from their files and from the runs that made them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nanochat_host.checkout.dataset import DatasetPlace, dataset_place
from nanochat_host.core import snapshot
from nanochat_host.core.config.vocab import vocabulary
from nanochat_host.core.run_entry import Run
from nanochat_host.core.setup.shards import Shard, ShardReader
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.core.wire_setup import DataStatus, ShardInfo, TokenizerStatus

MAX_LISTED = 50
SLACK_S = 5.0
"""Between a file's time, as some file systems round it, and our clock."""


def data_status(ref: CheckoutRef, runs: Iterable[Run], reader: ShardReader) -> DataStatus:
    """runs: newest first. Blocks."""
    mine = [run for run in runs if run.record.base_dir == ref.base_dir]
    place = dataset_place(Path(ref.path))
    status = DataStatus(ref.name, folder="", tokenizer=tokenizer_status(ref, mine))
    if place is None:
        status.trouble = "its nanochat/dataset.py does not say where the text lies"
        return status
    base = Path(ref.base_dir)
    found = reader.read(base, place)
    status.folder = str(base / place.folder)
    status.shards, status.size_bytes = len(found.whole), found.size_bytes
    status.available, status.pinned = place.last + 1, place.pinned
    status.broken = [_info(shard) for shard in found.broken[:MAX_LISTED]]
    status.unfinished = [_info(shard) for shard in found.unfinished[:MAX_LISTED]]
    names = [shard.name for shard in found.whole]
    if place.pinned:
        status.validation = place.validation if place.validation in names else ""
    elif len(names) > 1:
        status.validation = names[-1]
    download = _newest(mine, "dataset")
    if download is not None:
        status.wanted = _wanted(download, place)
        step = None if download.ended else download.step
        status.run = download.id if step is not None and step.title == "dataset" else ""
    if not names:
        status.older = _older(base, place)
    status.trouble = _trouble(status, names, place)
    return status


def tokenizer_status(ref: CheckoutRef, runs: Iterable[Run]) -> TokenizerStatus:
    """runs: of this base folder, newest first. Blocks."""
    base = Path(ref.base_dir)
    folder = base / "tokenizer"
    status = TokenizerStatus(str(folder))
    file = next(
        (f for f in (folder / "tokenizer.pkl", folder / "tokenizer.json") if f.is_file()), None
    )
    runs = list(runs)
    training = _newest(runs, "tok_train")
    if file is None:
        status.trouble = f"there is no tokenizer in {folder}"
        return status
    size = vocabulary(base)
    status.vocab_size = size.size if size.known else 0
    status.trained_at = file.stat().st_mtime
    status.sha256 = snapshot.tokenizer_sha256(ref.base_dir)
    if not status.vocab_size:
        status.trouble = f"{folder / 'token_bytes.pt'} cannot be read: the vocabulary is unknown"
    if training is not None and _made_by(training, status.trained_at):
        status.run = training.id
        asked = training.record.config.get("vocab_size")
        status.asked = asked if isinstance(asked, int) else 0
    evaluation = _newest(runs, "tok_eval")
    if evaluation is not None and evaluation.status.state == "done":
        since = evaluation.status.started_at or evaluation.record.created_at
        status.evaluated = evaluation.id if since >= status.trained_at - SLACK_S else ""
    return status


def _info(shard: Shard) -> ShardInfo:
    return ShardInfo(shard.name, shard.size_bytes, shard.trouble)


def _newest(runs: Iterable[Run], stage: str) -> Run | None:
    """The newest run that has that stage among its commands."""
    return next((r for r in runs if any(step.title == stage for step in r.record.steps)), None)


def _wanted(run: Run, place: DatasetPlace) -> int:
    number = run.record.config.get("num_files")
    if run.record.target != "dataset" or not isinstance(number, int):
        return 0
    return place.wanted(number)


def _made_by(run: Run, at: float) -> bool:
    began = run.status.started_at or run.record.created_at
    return began - SLACK_S <= at <= (run.status.ended_at or float("inf")) + SLACK_S


def _older(base: Path, place: DatasetPlace) -> str:
    """nanochat falls back to the folder of its former data set, silently but for a banner."""
    older = base / "base_data"
    return str(older) if place.folder != older.name and any(older.glob("*.parquet")) else ""


def _trouble(status: DataStatus, names: list[str], place: DatasetPlace) -> str:
    if status.broken:
        first = status.broken[0]
        return f"{first.name} is damaged ({first.trouble}): delete it, then download again"
    if not names:
        older = f"; an older one is in {status.older}" if status.older else ""
        return f"no text in {status.folder}{older}"
    if place.pinned and not status.validation:
        return f"the validation shard {place.validation} is missing: download again"
    if len(names) < 2:
        return "one file only: one to train on and one to validate are needed"
    if len(names) < status.wanted and not status.run:
        return f"{status.wanted - len(names)} of {status.wanted} shards are missing: download again"
    return ""
