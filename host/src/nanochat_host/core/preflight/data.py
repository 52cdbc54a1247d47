"""Tokenizer and text, as they lie in the base folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nanochat_host.checkout.dataset import DatasetPlace, dataset_place
from nanochat_host.core.preflight.parquet import NotParquetError
from nanochat_host.core.preflight.parquet import row_groups as groups_of
from nanochat_host.core.preflight.situation import SOURCES, SPOKEN, Situation
from nanochat_host.core.wire_config import Finding

MAX_FOOTERS = 100
"""Train shards whose footers are read, evenly spread; the validation shard always is."""
NEEDS_TOKENIZER = {"base_train", *SPOKEN, *SOURCES}
NEEDS_TEXT = {"base_train", "tok_train"}


def tokenizer(now: Situation) -> Iterator[Finding]:
    """There must be one before anything is tokenized."""
    folder = now.base_dir / "tokenizer"
    if now.stage.name not in NEEDS_TOKENIZER or now.promised.tokenizer:
        return
    if "tokenizer" not in now.script:
        return  # a fork's script that reads bytes
    if (folder / "tokenizer.pkl").is_file() or (folder / "tokenizer.json").is_file():
        return
    yield Finding(
        "error",
        "no_tokenizer",
        f"there is no tokenizer in {folder}",
        "the script stops when it has loaded everything else",
        fix_note="run the stage `tok_train` first",
    )


def replaced_tokenizer(now: Situation) -> Iterator[Finding]:
    """A base folder has one tokenizer: training another takes it from the models that are there."""
    if (
        now.stage.name != "tok_train"
        or not (now.base_dir / "tokenizer" / "tokenizer.pkl").is_file()
    ):
        return
    if any(now.base_dir.glob("*_checkpoints/*/model_*.pt")):
        yield Finding(
            "warning",
            "replaced_tokenizer",
            f"models in {now.base_dir} were trained with the tokenizer that this replaces",
            "another vocabulary makes noise of them",
            fix_note="copy its folder `tokenizer` first, or give the checkout another base folder: "
            "`checkout add --base-dir`",
        )


def shards(now: Situation) -> Iterator[Finding]:
    """At least a train shard, and the validation shard that upstream names."""
    if now.stage.name not in NEEDS_TEXT or now.promised.data or (place := _place(now)) is None:
        return
    folder, layout = place
    files = _files(folder, layout.suffix)
    if len(files) < 2:
        yield Finding(
            "error",
            "no_data",
            f"{len(files)} data files in {folder}; one to train on and one to validate are needed",
            "nanochat then looks in the folder of an older data set, and names that one",
            fix_note="run the stage `dataset` first",
        )
    elif layout.pinned and files[-1].name != layout.validation:
        yield Finding(
            "warning",
            "no_validation_shard",
            f"{layout.validation} is not in {folder}: {files[-1].name} is validated on instead",
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
            found = _groups(file)
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


_counted: dict[Path, tuple[tuple[int, int], int]] = {}
"""Row groups by file, with its size and time when they were counted: a form asks with every key."""


def _groups(file: Path) -> int:
    about = file.stat()
    stamp = about.st_size, about.st_mtime_ns
    known = _counted.get(file)
    if known is None or known[0] != stamp:
        known = _counted[file] = (stamp, groups_of(file))
    return known[1]


def _place(now: Situation) -> tuple[Path, DatasetPlace] | None:
    """Folder of the data and how it is laid out; None if it cannot be told."""
    place = dataset_place(now.checkout_path)
    return None if place is None else (now.base_dir / place.folder, place)


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix)
    except OSError:
        return []
