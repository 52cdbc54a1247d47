"""The disk fills under a live run and empties again: training never feels it, nothing is lost."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from core_rig import small_disk, status_of, until
from nanochat_host.paths import RunPaths
from resilience_rig import (
    Live,
    assert_nothing_lost,
    cli,
    live_run,
    refusal,
    says,
    steps_printed,
    steps_reported,
)

DISK_BYTES = 12 * 2**20
"""Room for the reserves of a run, its telemetry and a little more."""
KINDS = ["tmpfs", "limit"] if os.getuid() == 0 else ["limit"]
"""A file system of its own takes root. The kernel's limit on file sizes refuses anybody's writes,
but leaves the disk as free as it was: there is nothing to see on the screen then."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def live(kind: str, tmp_path: Path) -> Iterator[Live]:
    with contextlib.ExitStack() as stack:
        if kind == "tmpfs":
            stack.enter_context(small_disk(tmp_path / "home", DISK_BYTES))
        yield stack.enter_context(live_run(tmp_path))


def fill_tmpfs(home: Path) -> Callable[[], None]:
    ballast = home / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast.unlink


def limit_files(pids: list[int], size: int) -> Callable[[], None]:
    """None of the processes can make a file longer than `size` until the result is called."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free() -> None:
        for pid in pids:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)

    return free


def test_a_full_disk_is_said_and_survived(live: Live, kind: str) -> None:
    shown, run = live.tui, live.run
    trainer = status_of(run)
    if kind == "tmpfs":
        free = fill_tmpfs(live.rig.paths.home)
        says(shown, "the disk where runs are kept is full free some space: training goes on")
        shown.wait_for("! disk full")
        live.moves_on()
        said = refusal(cli(live.rig, "run", "start", "base_train", "--checkout", "loops"))
        assert "No space left on device" in said and "free some space" in said
        assert len(list(live.rig.paths.runs.iterdir())) == 1, "no half-made run is left"
    else:
        pids = [trainer.pid, trainer.shim_pid, live.rig.client.health().pid]
        free = limit_files(pids, run.events_jsonl.stat().st_size)
    before = steps_printed(run)[-1]
    until(lambda: steps_printed(run)[-1] > before + 50, "training goes on")
    assert status_of(run).pid == trainer.pid
    free()
    goal = steps_printed(run)[-1]
    until(lambda: steps_reported(run)[-1] > goal, "events come again")
    live.moves_on()
    if kind == "tmpfs":
        until(lambda: shown.drain() or "disk full" not in shown.text.splitlines()[-1], "it is over")
    assert_nothing_lost(live.rig, run)
    until(lambda: temporary(live.rig.paths.home) == [], "no half-written file is left")
    assert_survives_the_core(live, run)


def temporary(home: Path) -> list[str]:
    """Files on their way to their name: there for a moment, left behind for ever."""
    return [name for _, _, names in os.walk(home) for name in names if name.endswith(".tmp")]


def assert_survives_the_core(live: Live, run: RunPaths) -> None:
    """What the core wrote meanwhile is sound: another core takes it up."""
    live.rig.client.shutdown()
    live.rig.start()
    assert_nothing_lost(live.rig, run)
