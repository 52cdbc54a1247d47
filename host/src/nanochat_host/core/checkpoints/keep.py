"""Retention and deletion. Only files that `files.scan` knows are removed, and a tag's folder when
nothing else is left in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from nanochat_host.core.checkpoints.catalog import Listed
from nanochat_host.core.wire_checkpoints import KeepRule
from nanochat_host.errors import NanochatCliError

SCORES = ("val_bpb", "val_loss")


def chosen_by(rule: KeepRule, listed: Sequence[Listed]) -> list[Listed]:
    """What a rule lets go, of each stage and tag on its own."""
    tags: dict[tuple[str, str], list[Listed]] = {}
    for item in listed:
        tags.setdefault((item.info.stage, item.info.tag), []).append(item)
    gone: list[Listed] = []
    for items in tags.values():
        whole = [item for item in items if item.info.state != "broken"]
        kept = _kept(rule, sorted(whole, key=lambda item: item.info.step))
        gone += [item for item in items if item.info.id not in kept]
    return gone


def _kept(rule: KeepRule, items: list[Listed]) -> set[str]:
    kept = {item.info.id for item in items[len(items) - rule.last :]} if rule.last else set()
    if rule.every:
        kept |= {item.info.id for item in items if item.info.step % rule.every == 0}
    scored = [(score, item.info.id) for item in items if (score := _score(item)) is not None]
    return kept | {name for _, name in sorted(scored)[: rule.best]}


def _score(item: Listed) -> float | None:
    return next((item.info.metrics[key] for key in SCORES if key in item.info.metrics), None)


def remove(items: Iterable[Listed]) -> None:
    """Unlink the files. The model goes first: a step without one is never taken for whole.
    Raises NanochatCliError with the file that would not go."""
    for item in items:
        order = {"model": 0, "optim": 1, "meta": 2}
        for file in sorted(item.files.files, key=lambda f: order[f.role]):
            try:
                file.path.unlink(missing_ok=True)
            except OSError as error:
                raise NanochatCliError(
                    f"cannot delete {file.path}: {error.strerror}", "what was before it is gone"
                ) from None
        with contextlib.suppress(OSError):
            item.files.folder.rmdir()
