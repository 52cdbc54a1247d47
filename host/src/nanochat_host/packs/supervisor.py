"""All panels of one host: keeps one zygote alive and hands its workers to the panels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nanochat_sdk.capabilities import Capability

from nanochat_host.packs import proc_stats
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.failure import Failure
from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.state import PanelState
from nanochat_host.packs.session import Deadlines
from nanochat_host.packs.worker import Worker
from nanochat_host.packs.zygote_handle import Zygote

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerStats:
    """One panel's cost. panel: "pack:panel". rss_bytes counts pages shared with the other workers
    too. cpu_s: user and system seconds of the present worker. frame_ms: the last frame."""

    panel: str
    pid: int | None
    state: PanelState
    rss_bytes: int
    cpu_s: float
    frames: int
    failures: int
    frame_ms: float


class Supervisor:
    """Lives in one event loop, which must run in the main thread (see `Zygote`).

    on_change: called in the loop with the panel that changed.
    """

    def __init__(
        self, on_change: Callable[[PanelProcess], None], deadlines: Deadlines | None = None
    ) -> None:
        self._on_change = on_change
        self._deadlines = deadlines or Deadlines()
        self._panels: list[PanelProcess] = []
        self._zygote: Zygote | None = None

    @property
    def zygote_pid(self) -> int | None:
        """Process id of the zygote, None while there is none."""
        return self._zygote.pid if self._zygote else None

    async def start(self) -> None:
        """Start the zygote ahead of the first panel and wait until it can fork. Raises OSError.

        Optional: `open` starts one when there is none.
        """
        zygote = self._running_zygote()
        await asyncio.wait([zygote.ready], timeout=self._deadlines.start_s)
        if not zygote.ready.done() or zygote.ready.cancelled():
            await self.close()
            raise OSError(f"the zygote did not start: {zygote.log_line() or 'no answer'}")

    async def close(self) -> None:
        """End every worker and the zygote."""
        for panel in self._panels:
            panel.close()
        self._panels.clear()
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.close()

    def open(
        self, entry: PanelEntry, options: Mapping[str, Any], granted: Iterable[Capability]
    ) -> PanelProcess:
        """Start a panel; `on_change` tells how it fares. Raises OptionError."""
        panel = PanelProcess(entry, options, granted, self._on_change, self, self._deadlines)
        self._panels.append(panel)
        panel.start()
        return panel

    def discard(self, panel: PanelProcess) -> None:
        """Close a panel that is not shown any more."""
        panel.close()
        self._panels.remove(panel)

    def stats(self) -> list[WorkerStats]:
        """What each panel costs now."""
        return [_stats(panel) for panel in self._panels]

    def spawn(
        self, on_message: Callable[[bytes], None], on_failure: Callable[[Failure], None]
    ) -> Worker:
        """A worker for a session. Raises OSError."""
        return self._running_zygote().spawn(on_message, on_failure)

    def unresponsive(self) -> None:
        """A worker did not come to life: replace a zygote that may be stuck."""
        if self._zygote is not None:
            self._zygote.kill()

    def _running_zygote(self) -> Zygote:
        if self._zygote is None:
            self._zygote = Zygote(self._on_zygote_lost)
        return self._zygote

    def _on_zygote_lost(self, failure: Failure) -> None:
        """Its workers died with it. The panels ask for new ones, which starts a new zygote."""
        logger.warning("zygote: %s", failure.reason)
        self._zygote = None
        for panel in list(self._panels):
            panel.on_zygote_lost(failure)


def _stats(panel: PanelProcess) -> WorkerStats:
    used = proc_stats.usage(panel.pid) if panel.pid is not None else None
    return WorkerStats(
        panel=panel.name,
        pid=panel.pid,
        state=panel.state,
        rss_bytes=used.rss_bytes if used else 0,
        cpu_s=used.cpu_s if used else 0.0,
        frames=panel.frames,
        failures=panel.failures,
        frame_ms=panel.frame_s * 1e3,
    )
