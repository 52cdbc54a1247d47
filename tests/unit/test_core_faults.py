"""What goes wrong beside the core's loop is told, ends nothing else, and holds nothing open."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nanochat_host.core import launcher, outside, run_folder, watch, wire
from nanochat_host.core.alert_command import run_command
from nanochat_host.core.keeper import ShimKeeper
from nanochat_host.core.launcher import Launcher
from nanochat_host.core.queue import Queue
from nanochat_host.core.run_entry import Run
from nanochat_host.core.runs import RunManager
from nanochat_host.core.secrets.service import Secrets
from nanochat_host.core.settings import OtlpSettings, Settings
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import RunSummary, StartRun
from nanochat_host.core.wire_queue import QueueWish
from nanochat_host.errors import ConfigFileError
from nanochat_host.paths import Paths, RunPaths
from nanochat_sdk.data import Event

SPIKE = Event(0.0, "alert", 7, {"rule": "spike", "message": "m", "active": True})
NO_RUNS = cast(RunManager, SimpleNamespace(live=list, newest_first=list))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20.0):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    record = wire.RunRecord("r1", "n", "c", "/c", "python", "/b", [], created_at=1.0)
    return run_folder.create(Paths(tmp_path), record, wire.RunStatus("starting"))


async def test_an_alert_that_cannot_be_passed_on_is_told() -> None:
    told = Event(0.0, "alert", 7, {"rule": "spike", "message": "a \0 in it", "active": True})
    result = await run_command("true", "r1", told)
    assert result.exit_code == 127 and "null byte" in result.output


@pytest.mark.parametrize("fault", ["no descriptors", "no secrets"])
async def test_a_shim_that_cannot_be_started_leaves_no_lock_held(
    run: RunPaths, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_pipe() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "too many open files")

    async def step_secrets(record: wire.RunRecord) -> list[dict[str, str]]:
        if fault == "no secrets":
            raise OSError("the keyring is locked")
        return []

    if fault == "no descriptors":
        monkeypatch.setattr(launcher.os, "pipe", no_pipe)
    door = Launcher()
    keeper = ShimKeeper(door, cast(RunManager, SimpleNamespace(step_secrets=step_secrets)))
    entry = Run(run, run_folder.read_record(run), run_folder.read_status(run))
    with pytest.raises(OSError, match=r"too many|keyring"):
        await keeper.start_shim(entry)
    keeper.close()
    assert not run_folder.shim_is_alive(run)


async def test_a_process_is_watched_on_when_a_look_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    gone = asyncio.Event()

    def is_gone() -> bool:
        looks.append(1)
        if len(looks) == 1:
            raise OSError(errno.EMFILE, "too many open files")
        return True

    monkeypatch.setattr(watch, "LOOK_S", 0.01)
    watch.watch_exit(0, 0, is_gone, gone.set)
    await asyncio.wait_for(gone.wait(), 20.0)


async def test_a_wish_that_fails_in_an_unforeseen_way_holds_the_queue(tmp_path: Path) -> None:
    async def check(wish: StartRun) -> None:
        return None

    async def launch(wish: StartRun, item_id: str) -> RunSummary:
        raise KeyError("depth")

    queue = Queue(tmp_path / "queue.json", NO_RUNS, check, launch, lambda: None)
    queue.start()
    await queue.add(QueueWish(StartRun(checkout="tiny", target="base_train")))
    await until(lambda: queue.info().held)
    assert queue.info().held == "base_train cannot be started: 'depth'"
    await queue.close()


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_named(tmp_path: Path, port: int) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"[otlp]\nhttp_port = {port}\n")
    with pytest.raises(ConfigFileError, match=r"settings\.toml.*http_port"):
        Settings(file).table("otlp", OtlpSettings)


async def test_a_folder_of_packs_that_cannot_be_read_is_told_once_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = Paths(tmp_path)
    found = outside.Outside(paths, TelemetryHub(paths), NO_RUNS, Secrets(paths))
    looks: list[int] = []

    async def look() -> None:
        looks.append(1)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/packs")

    monkeypatch.setattr(found.declared, "look", look)
    monkeypatch.setattr(outside, "LOOK_S", 0.01)
    with caplog.at_level(logging.WARNING, logger=outside.logger.name):
        task: asyncio.Task[Any] = asyncio.create_task(found._look_forever())
        await until(lambda: len(looks) >= 3)
    assert [r.getMessage() for r in caplog.records] == [
        "settings and packs are not read anew: [Errno 13] Permission denied: '/packs'"
    ]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
