"""Room for what a run will save."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from nanochat_sdk import format as fmt

from nanochat_host.core.planner import memory
from nanochat_host.core.planner.inputs import inputs_of
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import Finding

SPARE_BYTES = 2**30
READS_ONLY = {"chat_cli", "chat_web", "tok_eval", "infer_bench"}


def writable(now: Situation) -> Iterator[Finding]:
    """Every stage but the ones that only talk leaves something in the base folder."""
    folder = _nearest(now.base_dir)
    if now.stage.name in READS_ONLY or os.access(folder, os.W_OK | os.X_OK):
        return
    yield Finding(
        "error",
        "read_only",
        f"{folder} cannot be written to",
        "the stage stops when it saves",
        fix_note="`checkout add` registers the checkout with another --base-dir",
    )


def room(now: Situation) -> Iterator[Finding]:
    """nanochat never deletes a checkpoint, and a full disk leaves half of one."""
    if now.plan is None:
        return
    free = _free_bytes(now)
    given = inputs_of(now.options, now.checkout, now.plan.vocab, now.nproc)
    on_gpu = now.on_gpu
    save = memory.checkpoint_bytes(given.shape, now.checkout.arch, on_gpu=on_gpu)
    saves = int(now.plan.value("saves"))
    if free < 0 or saves * save + SPARE_BYTES <= free:
        return
    fit = max(0, (free - SPARE_BYTES) // save)
    needs = f"checkpoints need {fmt.size(saves * save)} ({saves} of {fmt.size(save)})"
    what = f"{needs} and {fmt.size(SPARE_BYTES)} to spare; {fmt.size(free)} are free"
    why = "a full disk leaves half a checkpoint and stops the run"
    if not fit:
        note = f"make room below {now.base_dir}, or give the checkout another base folder"
        yield Finding("error", "disk", what, why, fix_note=note)
        return
    steps = int(now.plan.value("num_iterations"))
    every = math.ceil((steps - 1) / (fit - 1)) if fit > 1 else -1
    yield Finding("warning", "disk", what, why, {"save_every": every})


def _free_bytes(now: Situation) -> int:
    """Of the file system the base folder is, or will be, on; -1 if it cannot be told."""
    try:
        return shutil.disk_usage(_nearest(now.base_dir)).free
    except OSError:
        return -1


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
