"""Which checkpoint a person means."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_host.core.checkpoints.catalog import Listed
from nanochat_host.core.options import nearest
from nanochat_host.errors import NotFoundError, UsageError


def find(listed: Sequence[Listed], word: str, base_dir: str) -> Listed:
    """`sft/d4/000120`, any parts of it (`sft`, `d4/120`, `base/d4`), or `last`. Of what fits, the
    tag saved last and its highest step that is not broken. Raises NotFoundError, UsageError."""
    if not listed:
        raise NotFoundError(
            f"there is no checkpoint in {base_dir}",
            "train first; `--checkout NAME` looks where another checkout saves",
        )
    fits = [item for item in listed if _fits(item, word)]
    if not fits:
        ids = {item.info.id for item in listed} | {item.info.tag for item in listed}
        raise NotFoundError(
            f"there is no checkpoint `{word}` in {base_dir}",
            nearest(word, ids) or "`nanochat-cli checkpoint list` shows them",
        )
    usable = [item for item in fits if item.info.state != "broken"] or fits
    newest = max(usable, key=lambda item: (item.info.saved_at, item.info.step))
    same = [i for i in usable if (i.info.stage, i.info.tag) == (newest.info.stage, newest.info.tag)]
    return max(same, key=lambda item: item.info.step)


def exactly(listed: Sequence[Listed], ids: Sequence[str]) -> list[Listed]:
    """Those with these ids; for what cannot be undone nothing is guessed. Raises UsageError."""
    by_id = {item.info.id: item for item in listed}
    for word in ids:
        if word not in by_id:
            raise UsageError(
                f"`{word}` is no checkpoint's whole id",
                nearest(word, by_id) or "`nanochat-cli checkpoint list` shows them",
            )
    return [by_id[word] for word in dict.fromkeys(ids)]


def _fits(item: Listed, word: str) -> bool:
    info = item.info
    if word in ("", "last", info.id):
        return True
    parts = word.split("/")
    return all(
        part in (info.stage, info.tag) or (part.isdigit() and int(part) == info.step)
        for part in parts
    )
