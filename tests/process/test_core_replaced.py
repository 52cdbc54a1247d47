"""A core that is told to go while a screen starts the next one."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from core_rig import CoreRig, until
from nanochat_host.core import client as module
from nanochat_host.core.shim import procs
from nanochat_host.core.start import ensure_core


def test_who_stops_a_core_does_not_wait_for_the_one_that_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CoreRig(tmp_path).started() as rig:
        old = rig.client.health().pid

        def replaced(_s: float) -> None:
            until(lambda: not procs.is_alive(old, 0), "the core goes")
            ensure_core(rig.paths)

        clock = SimpleNamespace(monotonic=time.monotonic, sleep=replaced)
        monkeypatch.setattr(module, "time", clock)
        rig.client.shutdown()
        until(lambda: not procs.is_alive(old, 0), "the core goes")
