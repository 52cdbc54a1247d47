"""All panels of one host: keeps a zygote for each pack and hands its workers to the panels."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from nanochat_host.packs import proc_stats
from nanochat_host.packs.budget import Budget, Meter
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.failure import Failure
from nanochat_host.packs.launch import Launched, launch
from nanochat_host.packs.process import UNSANDBOXED_VARIABLE, PanelProcess
from nanochat_host.packs.room import Room, builtin_room
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.session import Deadlines
from nanochat_host.packs.state import PanelState
from nanochat_host.packs.worker import Worker
from nanochat_host.packs.zygote_handle import Zygote

logger = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_LINGER_S = 30.0
"""A panel that comes back within this time, as when its pack is being edited, starts at once."""


class PackUse(msgspec.Struct, frozen=True):
    """What all panels of a pack use now. cores: over the last seconds. memory_bytes: not shared
    with others. panels: those open. stopped: names of those that wait for the person, with why."""

    cores: float
    memory_bytes: int
    panels: int
    stopped: dict[str, str]


class WorkerStats(msgspec.Struct, frozen=True):
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

    on_change: called in the loop with the panel that changed. allow_unsandboxed: ids of packs that
    may run where they cannot be isolated; default: those in $NANOCHAT_CLI_UNSANDBOXED. highest: how
    far the walls go at most, for measuring what they cost. launched: zygotes started ahead.
    budget: of each pack of others.
    """

    def __init__(
        self,
        on_change: Callable[[PanelProcess], None],
        deadlines: Deadlines | None = None,
        *,
        allow_unsandboxed: Iterable[str] | None = None,
        highest: Level = Level.STRICT,
        launched: Mapping[Room, Launched] | None = None,
        budget: Budget | None = None,
    ) -> None:
        if allow_unsandboxed is None:
            allow_unsandboxed = os.environ.get(UNSANDBOXED_VARIABLE, "").split(",")
        self._on_change = on_change
        self._deadlines = deadlines or Deadlines()
        self._unsandboxed = frozenset(allow_unsandboxed)
        self._highest = highest
        self._launched = dict(launched or {})
        self._panels: list[PanelProcess] = []
        self._zygotes: dict[Room, Zygote] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._budget = budget or Budget()
        self._meters: dict[Room, Meter] = {}
        self._next_look: asyncio.TimerHandle | None = None
        self._checks: dict[Path, asyncio.Future[str]] = {}
        self._held: dict[Path, int] = {}

    @property
    def budget(self) -> Budget:
        """What each pack of others may use."""
        return self._budget

    @property
    def panels(self) -> list[PanelProcess]:
        """All that are open."""
        return list(self._panels)

    @property
    def zygote_pid(self) -> int | None:
        """Process id of the zygote that was started first, None while there is none."""
        return next((zygote.pid for zygote in self._zygotes.values()), None)

    async def start(self, room: Room | None = None) -> None:
        """Start a zygote ahead of the first panel and wait until it can fork. Raises OSError.

        Optional: `open` starts one when there is none. room: default is the built-in pack's.
        """
        zygote = self._running_zygote(room or builtin_room())
        await asyncio.wait([zygote.ready], timeout=self._deadlines.start_s)
        if not zygote.ready.done() or zygote.ready.cancelled():
            await self.close()
            raise OSError(f"the zygote did not start: {zygote.log_line() or 'no answer'}")

    async def close(self) -> None:
        """End every worker and every zygote."""
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        for panel in self._panels:
            panel.close()
        self._panels.clear()
        zygotes = list(self._zygotes.values())
        self._zygotes.clear()
        for launched in self._launched.values():
            launched.end()
        self._launched.clear()
        await asyncio.gather(*self._closing, *(zygote.close() for zygote in zygotes))
        for fd in self._held.values():
            os.close(fd)
        self._held.clear()

    def open(
        self, entry: PanelEntry, options: Mapping[str, Any], granted: Iterable[str]
    ) -> PanelProcess:
        """Start a panel; `on_change` tells how it fares. Raises OptionError."""
        panel = PanelProcess(
            *(entry, options, granted, self._on_change, self, self._deadlines),
            unsandboxed_ok=entry.unsandboxed or entry.pack.id in self._unsandboxed,
        )
        self._panels.append(panel)
        panel.start()
        if self._next_look is None:
            self._look_again()
        return panel

    def discard(self, panel: PanelProcess) -> None:
        """Close a panel that is not shown any more. A while after the last of a pack its zygote
        goes too."""
        panel.close()
        self._panels.remove(panel)
        if panel.room != builtin_room():
            asyncio.get_running_loop().call_later(_LINGER_S, self._close_if_empty, panel.room)

    def stats(self) -> list[WorkerStats]:
        """What each panel costs now."""
        return [_stats(panel) for panel in self._panels]

    def spawn(
        self,
        on_message: Callable[[bytes], None],
        on_failure: Callable[[Failure], None],
        room: Room | None = None,
    ) -> Worker:
        """A worker for a session. room: default is the built-in pack's. Raises OSError."""
        return self._running_zygote(room or builtin_room()).spawn(on_message, on_failure)

    def uses(self) -> dict[str, PackUse]:
        """What each pack with an open panel uses, by its id."""
        found: dict[str, PackUse] = {}
        for pack_id in dict.fromkeys(panel.entry.pack.id for panel in self._panels):
            panels = [panel for panel in self._panels if panel.entry.pack.id == pack_id]
            meter = self._meters.get(panels[0].room.pack)
            stopped = {p.name: p.reason for p in panels if p.state is PanelState.QUARANTINED}
            cores, memory = (meter.cores, meter.memory_bytes) if meter else (0.0, 0)
            found[pack_id] = PackUse(cores, memory, len(panels), stopped)
        return found

    async def objection(self, entry: PanelEntry) -> str:
        """Why the files of an installed pack are not those the person agreed to; "" when they are.
        Panels that start together share one look. From then on nothing sweeps the folder away."""
        check = self._checks.get(entry.folder)
        if check is None:
            check = asyncio.ensure_future(asyncio.to_thread(self._look_at, entry))
            self._checks[entry.folder] = check
            check.add_done_callback(lambda _done: self._checks.pop(entry.folder, None))
        return await asyncio.shield(check)

    def _look_at(self, entry: PanelEntry) -> str:
        from nanochat_host.packs.install.store import hold  # hashing: not before the first paint
        from nanochat_host.packs.install.tree import objection

        if entry.folder not in self._held:
            with suppress(OSError):
                self._held[entry.folder] = hold(entry.folder)
        return objection(entry.folder, entry.sha256)

    def unresponsive(self, room: Room) -> None:
        """A worker did not come to life: replace a zygote that may be stuck."""
        if zygote := self._zygotes.get(room):
            zygote.kill()

    def _look_again(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._keep_budgets)

    def _keep_budgets(self) -> None:
        """End the hungriest worker of a pack that uses more than it may. Our own pack is most of
        the screen, and bounded by the limits and deadlines of each of its workers."""
        now_s = time.monotonic()
        rooms: dict[Room, dict[int, proc_stats.Usage]] = {}
        for panel in self._panels:
            if panel.pid is not None and (used := proc_stats.usage(panel.pid)):
                rooms.setdefault(panel.room.pack, {})[panel.pid] = used
        self._meters = {room: self._meters.get(room) or Meter(self._budget) for room in rooms}
        for room, usages in rooms.items():
            excess = self._meters[room].excess(now_s, usages)
            if excess and room != builtin_room():
                for panel in self._panels:
                    if panel.pid == excess.pid:
                        panel.end_worker(Failure(excess.reason))
        self._look_again()

    def _running_zygote(self, room: Room) -> Zygote:
        if room not in self._zygotes:
            on_lost = partial(self._on_zygote_lost, room)
            launched = self._launched.pop(room, None) or launch(room, self._highest)
            self._zygotes[room] = Zygote(on_lost, launched)
        return self._zygotes[room]

    def _close_if_empty(self, room: Room) -> None:
        used = any(panel.room == room for panel in self._panels)
        if not used and (zygote := self._zygotes.pop(room, None)):
            closing = asyncio.create_task(zygote.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _on_zygote_lost(self, room: Room, failure: Failure) -> None:
        """Its workers died with it. The panels ask for new ones, which starts a new zygote."""
        logger.warning("zygote: %s", failure.reason)
        del self._zygotes[room]
        for panel in list(self._panels):
            if panel.room == room:
                panel.end_worker(failure)


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
