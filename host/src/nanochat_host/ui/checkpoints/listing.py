"""Checkpoints of every base folder known, as rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nanochat_sdk import format as fmt

from nanochat_host.core.wire_checkpoints import CheckpointInfo, CheckpointList
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row
from nanochat_host.ui.words import age_words

COLUMNS = (
    ListColumn("", 1, keep=9),
    ListColumn("checkpoint", 26, keep=9),
    ListColumn("state", 8, keep=8),
    ListColumn("val", 8, right=True, keep=6),
    ListColumn("size", 9, right=True, keep=7),
    ListColumn("ranks", 5, right=True, keep=3),
    ListColumn("saved", 9, right=True, keep=5),
    ListColumn("", keep=4),
)
STATES = {"whole": ("✓", "success"), "weights": ("◐", "warning"), "broken": ("✗", "error")}
SCORES = ("val_bpb", "val_loss")


class Named(NamedTuple):
    """A checkpoint and the checkout whose base folder it lies in."""

    checkout: str
    info: CheckpointInfo

    @property
    def key(self) -> str:
        """Of its row."""
        return f"{self.checkout}:{self.info.id}"


@dataclass(frozen=True)
class Folder:
    """A base folder. checkouts: those that use it; the first is asked about it. error: why it could
    not be listed."""

    checkouts: tuple[str, ...]
    listed: CheckpointList | None
    error: str = ""


def folders(answers: Sequence[tuple[str, CheckpointList | str]]) -> list[Folder]:
    """One for each base folder; checkouts that share it are named together."""
    found: dict[str, Folder] = {}
    for checkout, answer in answers:
        if isinstance(answer, str):
            found[f"!{checkout}"] = Folder((checkout,), None, answer)
        elif answer.base_dir in found:
            first = found[answer.base_dir]
            found[answer.base_dir] = Folder((*first.checkouts, checkout), first.listed)
        else:
            found[answer.base_dir] = Folder((checkout,), answer)
    return list(found.values())


def named(found: Sequence[Folder]) -> dict[str, Named]:
    """All of them by the key of their rows."""
    many = (
        Named(folder.checkouts[0], info)
        for folder in found
        for info in (folder.listed.checkpoints if folder.listed else ())
    )
    return {item.key: item for item in many}


def rows(found: Sequence[Folder], word: str = "") -> list[Row]:
    """By folder; newest steps first within a tag. word: only what has it in its id or state."""
    out: list[Row] = []
    now = time.time()
    for folder in found:
        names = clean(", ".join(folder.checkouts))
        if folder.listed is None:
            out += [_heading(names), Row("", (("✗", "error"), (clean(folder.error), "error")))]
            continue
        many = folder.listed.checkpoints
        shown = [c for c in many if all(part in _text(c, names) for part in word.lower().split())]
        if word and not shown:
            continue
        total = fmt.size(sum(c.size_bytes for c in many))
        free = fmt.size(folder.listed.free_bytes)
        place = clean(folder.listed.base_dir)
        if out:
            out.append(Row("", ()))
        out.append(_heading(f"{names}  {place}  {len(many)} saved, {total}; {free} free"))
        if not shown:
            out.append(Row("", (("", ""), ("nothing saved yet", "muted"))))
        shown.sort(key=lambda c: (STAGES.get(c.stage, 9), c.stage, c.tag, -c.step))
        out += [_row(Named(folder.checkouts[0], info), now) for info in shown]
    return out


STAGES = {stage: at for at, stage in enumerate(("base", "mid", "sft-early", "sft", "rl"))}


def _heading(text: str) -> Row:
    return Row("", (("", ""), (text, "title")))


def _row(item: Named, now: float) -> Row:
    info = item.info
    glyph, style = STATES[info.state]
    score = next((info.metrics[name] for name in SCORES if name in info.metrics), None)
    trouble = clean(info.problems[0]) if info.problems else ""
    return Row(
        item.key,
        (
            (glyph, style),
            (clean(info.id), "" if info.state != "broken" else "muted"),
            (info.state, style),
            (fmt.fixed(score, 4) if score is not None else "", ""),
            (fmt.size(info.size_bytes), "muted"),
            (str(info.ranks) if info.ranks else "-", "muted"),
            (age_words(info.saved_at, now), "muted"),
            (trouble, style),
        ),
    )


def _text(info: CheckpointInfo, names: str) -> str:
    return f"{info.id} {info.state} {info.stage} {names} {' '.join(info.problems)}".lower()
