"""Is what was just saved all there? Model, metadata and every rank's optimizer, after the fact."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat_sdk.data import Event

from nanochat_host.core.checkpoints.archive import BadArchiveError, read_archive
from nanochat_host.core.checkpoints.catalog import Catalog
from nanochat_host.core.checkpoints.files import FileSet, sets_of

if TYPE_CHECKING:
    from nanochat_host.core.run_entry import Run
    from nanochat_host.core.runs import RunManager
    from nanochat_host.core.telemetry.hub import TelemetryHub

logger = logging.getLogger(__name__)
PATIENCE_S = 6.0
"""Rank 0 tells when it has saved; the others may write for this long without a file growing."""
LOOK_S = 0.5


def problems_of(files: FileSet | None, ranks: int) -> list[str]:
    """What is missing or torn. Reads each file's description and compares it with its bytes:
    milliseconds for a model of any size. ranks: processes that trained it."""
    if files is None:
        return ["none of its files is there"]
    info = Catalog.describe(files)
    found = list(info.problems)
    have = [file.rank for file in files.optimizers]
    if have and ranks > len(have) and not any("optimizer" in problem for problem in found):
        missing = ", ".join(str(rank) for rank in range(ranks) if rank not in have)
        found.append(f"optimizer files of rank {missing} are missing")
    for file in files.files:
        if file.role == "meta" or any(file.name in problem for problem in found):
            continue
        try:
            read_archive(file.path)
        except (BadArchiveError, OSError) as error:
            found.append(f"{file.name}: {error}")
    return found


class SaveWatch:
    """Looks at each checkpoint a trainer of ours reports, and says in the run's events how it is.
    Owned by the core, lives in its loop."""

    def __init__(self, hub: TelemetryHub, runs: RunManager) -> None:
        self._hub, self._runs = hub, runs
        self._since = time.time()
        self._seen: set[tuple[str, str, int, float]] = set()
        self._let_go: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to listen; saves from before are left alone."""
        self._let_go = self._hub.subscribe(self._heard)

    def close(self) -> None:
        if self._let_go is not None:
            self._let_go()

    def _heard(self, run_id: str, rev: int, events: list[Event]) -> None:
        for event in events:
            fields = event.fields
            if event.kind != "checkpoint" or not fields.get("files") or not self._runs.has(run_id):
                continue
            if event.step is None or not fields.get("ok", True) or event.ts < self._since:
                continue
            key = (run_id, str(fields.get("dir")), event.step, event.ts)
            if key not in self._seen:
                self._seen.add(key)
                self._runs.spawn(self._verify(self._runs.get(run_id), event))

    async def _verify(self, run: Run, event: Event) -> None:
        folder, step = Path(str(event.fields.get("dir"))), event.step
        folder = folder if folder.is_absolute() else Path(run.record.checkout_path) / folder
        assert step is not None
        ranks = run.step.nproc if run.step else run.record.world_size
        before: Any = None
        patience = time.monotonic() + PATIENCE_S
        while True:
            files = await asyncio.to_thread(sets_of, folder, step)
            problems = await asyncio.to_thread(problems_of, files, ranks)
            if not problems or time.monotonic() > patience:
                break
            stamp = files.stamp if files else None
            if stamp != before:
                before, patience = stamp, time.monotonic() + PATIENCE_S
            await asyncio.sleep(LOOK_S)
        told = {
            "what": "verified",
            "dir": str(folder),
            "tag": folder.name,
            "ok": not problems,
            "problems": problems[:8],
            "ranks": len(files.optimizers) if files else 0,
            "bytes": sum(file.size_bytes for file in files.files) if files else 0,
        }
        try:
            self._hub.append_event(run.paths, Event(time.time(), "state", step, told))
        except OSError as error:
            logger.warning("event not written: %s", error, extra={"run": run.id})
