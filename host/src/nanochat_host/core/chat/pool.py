"""Few drivers kept warm: a model stays in memory for its next turn, not for ever."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from nanochat_host.core.chat.driver import Driver, DriverKey
from nanochat_host.core.checkpoints.service import Place
from nanochat_host.core.wire_chat import DriverInfo

MAX_WARM = 3
IDLE_S = 900.0
LOOK_S = 30.0


class Pool:
    """Drivers by checkpoint. Lives in the core's event loop."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._drivers: dict[DriverKey, Driver] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    async def driver(self, place: Place, device: str) -> Driver:
        """A checkpoint's driver, started if there is none; the longest unused makes room."""
        ref, listed, _ = place
        model = listed.files.one("model")
        stamp = model.mtime_ns if model else 0
        key = DriverKey(ref.name, ref.path, ref.python, listed.info.folder + listed.info.id, stamp,
                        device)  # fmt: skip
        known = self._drivers.get(key)
        if known is not None and not known.dead:
            return known
        log = self._logs / f"{listed.info.id.replace('/', '-')}.log"
        driver = self._drivers[key] = Driver(key, ref, listed.info, log)
        idle = sorted((d for d in self._drivers.values() if not d.busy), key=lambda d: d.used_at)
        for other in idle[: max(len(self._drivers) - MAX_WARM, 0)]:
            if other is not driver:
                self._drop(other)
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._retire())
        return driver

    def infos(self) -> list[DriverInfo]:
        """Those there are."""
        return [driver.info() for driver in self._drivers.values() if not driver.dead]

    async def close(self) -> None:
        """End all."""
        if self._watch is not None:
            self._watch.cancel()
        for driver in list(self._drivers.values()):
            self._drop(driver)
        if self._closing:
            await asyncio.wait(self._closing)

    def _drop(self, driver: Driver) -> None:
        self._drivers.pop(driver.key, None)
        task = asyncio.ensure_future(driver.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _retire(self) -> None:
        """Memory is dear: who was not asked for long is let go."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(LOOK_S)
                old = time.monotonic() - IDLE_S
                for driver in list(self._drivers.values()):
                    if driver.dead or (not driver.busy and driver.used_at < old):
                        self._drop(driver)
