"""Processes the core speaks with: however it parts from them they are gone, and no pipe to them is
left for the garbage collector, also where something they started holds the other end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import time
from asyncio import unix_events
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from nanochat_host.core import alert_command
from nanochat_host.core.alert_command import run_command
from nanochat_host.core.chat import driver as driver_module
from nanochat_host.core.chat.driver import Driver, DriverKey
from nanochat_host.core.setup import asking
from nanochat_host.core.setup.asking import ask_python
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.core.wire_checkpoints import CheckpointInfo
from nanochat_sdk.data import Event

T = TypeVar("T")
SPIKE = Event(0.0, "alert", 7, {"rule": "spike", "message": "m", "active": True})


class Stage:
    """left: the pid of what a script left behind, with all its pipes open."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.left = folder, folder / "left"
        self.task: asyncio.Future[object] | None = None

    def script(self, then: str) -> Path:
        """A program that leaves somebody behind, and then does something."""
        path = self.folder / "program"
        note = f"echo $$ > {self.left}.new; mv {self.left}.new {self.left}; exec sleep 600"
        path.write_text(f"#!/bin/sh\nsetsid sh -c '{note}' <&0 &\n{then}\n")
        path.chmod(0o755)
        return path

    async def cancelled(self, work: Coroutine[Any, Any, object]) -> None:
        """Cancel it when the script has come so far."""
        task = self.task = asyncio.ensure_future(work)
        async with asyncio.timeout(60.0):
            while not self.left.exists() and not task.done():
                await asyncio.sleep(0.005)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(60.0):
                raise AssertionError(f"it ended by itself: {await task}")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    if stage.left.exists():
        os.kill(int(stage.left.read_text()), signal.SIGKILL)


@pytest.fixture(params=["under way", "just begun"])
def moment(stage: Stage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """When it is cancelled: "just begun" is before asyncio has connected the pipes."""
    start = unix_events._UnixSubprocessTransport._start  # type: ignore[attr-defined]

    def start_and_cancel(transport: Any, **options: Any) -> None:
        start(transport, **options)
        deadline = time.monotonic() + 60.0
        while not stage.left.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert stage.task is not None
        stage.task.cancel()

    if request.param == "just begun":
        monkeypatch.setattr(unix_events._UnixSubprocessTransport, "_start", start_and_cancel)  # type: ignore[attr-defined]


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def transports() -> list[asyncio.BaseTransport]:
    """Those of any loop that nobody has closed."""
    found = [one for one in gc.get_objects() if issubclass(type(one), asyncio.BaseTransport)]
    return [transport for transport in found if not transport.is_closing()]


def played(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Its result, from a loop of its own that leaves no process and nothing open."""
    before = children(), transports()
    result = asyncio.run(work())
    assert children() <= before[0]
    assert [transport for transport in transports() if transport not in before[1]] == []
    return result


def test_what_an_alert_command_leaves_behind_is_not_waited_for(stage: Stage) -> None:
    script = stage.script(f"while [ ! -e {stage.left} ]; do sleep 0.01; done; echo told; exit 3")
    result = played(lambda: run_command(str(script), "r1", SPIKE))
    assert (result.exit_code, result.output) == (3, "told")
    assert psutil.pid_exists(int(stage.left.read_text())), "it is the person's"


def test_an_alert_command_that_goes_on_and_on_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_command, "COMMAND_S", 0.1)
    result = played(lambda: run_command("sh -c 'exec sleep 600'", "r1", SPIKE))
    assert (result.exit_code, result.output) == (124, "it took longer than 0 s")


def test_of_much_that_an_alert_command_says_the_end_is_kept() -> None:
    script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"
    result = played(lambda: run_command(f"sh -c '{script}'", "r1", SPIKE))
    assert result.output.endswith("line 19998\nline 19999") and len(result.output) <= 400


@pytest.mark.usefixtures("moment")
def test_an_alert_command_goes_with_the_core(stage: Stage) -> None:
    script = stage.script("exec sleep 600")
    played(lambda: stage.cancelled(run_command(str(script), "r1", SPIKE)))


@pytest.mark.usefixtures("moment")
def test_an_interpreter_that_is_being_asked_goes_with_the_core(stage: Stage) -> None:
    ref = CheckoutRef("c", str(stage.folder), python=str(stage.script("exec sleep 600")))
    played(lambda: stage.cancelled(ask_python(ref)))


def test_an_interpreter_that_says_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PROBE_S", 0.1)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    python.chmod(0o755)
    answer = played(lambda: ask_python(CheckoutRef("c", str(tmp_path), python=str(python))))
    assert "did not answer" in answer["broken"]


@pytest.mark.usefixtures("moment")
def test_a_driver_that_is_loading_goes_with_the_core(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "LEAVE_S", 0.05)
    python = str(stage.script("trap '' TERM; while :; do sleep 1; done"))
    ref = CheckoutRef("c", str(stage.folder), python=python)
    info = CheckpointInfo("base/d4/1", "base", "d4", 1, "/x", "whole", 1000, 1.0)
    key = DriverKey("c", ref.path, python, info.id, 0, "")

    async def load() -> None:
        await stage.cancelled(Driver(key, ref, info, stage.folder / "log").warm())

    played(load)
