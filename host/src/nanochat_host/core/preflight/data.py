"""Tokenizer and text, as they lie in the base folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nanochat_host.core.preflight.parquet import NotParquetError
from nanochat_host.core.preflight.parquet import row_groups as groups_of
from nanochat_host.core.preflight.situation import SOURCES, Situation
from nanochat_host.core.wire_config import Finding

MAX_FOOTERS = 100
"""Train shards whose footers are read, evenly spread; the validation shard always is."""
NEEDS_TOKENIZER = {"base_train", "base_eval", "base_loss", "chat_eval", *SOURCES}
NEEDS_TEXT = {"base_train", "tok_train"}
_FOLDER = re.compile(r"[\"'](base_data\w*)[\"']")
_LAST = re.compile(r"^MAX_SHARD *= *(\d+)", re.MULTILINE)


def tokenizer(now: Situation) -> Iterator[Finding]:
    """There must be one before anything is tokenized."""
    folder = now.base_dir / "tokenizer"
    if now.stage.name not in NEEDS_TOKENIZER:
        return
    if (folder / "tokenizer.pkl").is_file() or (folder / "tokenizer.json").is_file():
        return
    yield Finding(
        "error",
        "no_tokenizer",
        f"there is no tokenizer in {folder}",
        "the script stops when it has loaded everything else",
        fix_note="run the stage `tok_train` first",
    )


def shards(now: Situation) -> Iterator[Finding]:
    """At least a train shard, and the validation shard that upstream names."""
    if now.stage.name not in NEEDS_TEXT or (place := _place(now)) is None:
        return
    folder, last, suffix = place
    files = _files(folder, suffix)
    if len(files) < 2:
        yield Finding(
            "error",
            "no_data",
            f"{len(files)} data files in {folder}; one to train on and one to validate are needed",
            "nanochat then looks in the folder of an older data set, and names that one",
            fix_note="run the stage `dataset` first",
        )
    elif last and files[-1].stem != f"shard_{last:05d}":
        yield Finding(
            "warning",
            "no_validation_shard",
            f"shard_{last:05d} is not in {folder}: {files[-1].name} is validated on instead",
            "the validation loss is then not comparable, and changes when more is downloaded",
            fix_note="run the stage `dataset` again; its downloader exits 0 even when it failed",
        )


def row_groups(now: Situation) -> Iterator[Finding]:
    """Each rank reads row groups of its own: a file needs as many as there are ranks."""
    if now.stage.name != "base_train" or now.nproc == 1 or (place := _place(now)) is None:
        return
    files = _files(place[0], ".parquet")
    if len(files) < 2:
        return
    train = files[:-1]
    spread = train[:: max(1, len(train) // MAX_FOOTERS)][:MAX_FOOTERS]
    for file in [files[-1], *spread]:
        try:
            found = groups_of(file)
        except (NotParquetError, OSError) as error:
            yield Finding(
                "error",
                "bad_data",
                f"{file.name} cannot be read: {error}",
                "training stops when it comes to it",
                fix_note="delete it and run the stage `dataset` again",
            )
            return
        if found < now.nproc:
            what = "validation never begins: ranks without one wait for ever"
            yield Finding(
                "error" if file is files[-1] else "warning",
                "row_groups",
                f"{file.name} has {found} row groups for {now.nproc} processes",
                what if file is files[-1] else "ranks without one skip the file",
                {"nproc": max(found, 1)} if file is files[-1] else {},
            )
            return


def _place(now: Situation) -> tuple[Path, int, str] | None:
    """Folder, number of the validation shard (0: the last one present) and suffix of the data, as
    the checkout's dataset.py has them; None if it cannot be told."""
    try:
        source = (now.checkout_path / "nanochat" / "dataset.py").read_text("utf-8", "replace")
    except OSError:
        return None
    names = _FOLDER.findall(source)
    if not names:
        return None
    suffix = ".parquet" if ".parquet" in source else ".jsonl"
    # Before ClimbMix the last shard that is there was the validation shard.
    last = _LAST.search(source) if "climbmix" in names[0] else None
    return now.base_dir / names[0], int(last[1]) if last else 0, suffix


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix)
    except OSError:
        return []
