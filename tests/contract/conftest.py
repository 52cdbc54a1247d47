"""Fixtures of the hub's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.paths import Paths, RunPaths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def run(paths: Paths) -> RunPaths:
    found = paths.run("r1")
    found.root.mkdir(parents=True)
    return found


@pytest.fixture
async def hub(paths: Paths) -> AsyncIterator[TelemetryHub]:
    found = TelemetryHub(paths)
    found.limits = AlertLimits(off=["disk_low", "disk_full"])  # whatever is free on this machine
    await found.start()
    yield found
    await found.stop()
