"""What a system has less of: the level says so, nothing crashes, and strangers do not run there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest
from nanochat_host.packs.budget import Budget
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.process import UNSANDBOXED_VARIABLE, PanelState
from nanochat_host.packs.sandbox import landlock, library, namespaces, witness
from nanochat_host.packs.sandbox.level import Level, level_of
from nanochat_host.packs.supervisor import Supervisor
from workers_stage import CALM, CATALOG, PATIENCE_S

BUILTIN_PANEL = "builtin:progress"
MEASURED = ("files", "writing", "network", "signals", "processes")
BUILT = ("descriptors", "limits", "capabilities", "privileges", "landlock", "seccomp")
CLOSED = dict.fromkeys((*BUILT, *MEASURED, "namespaces", "names"), "closed")


def in_child(work: Callable[[], object]) -> int:
    """Exit code of a process that does the work: 0 when it returned true."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_level_is_what_was_measured() -> None:
    assert level_of(CLOSED) is Level.STRICT
    assert level_of({**CLOSED, "names": "absent"}) is Level.FULL
    assert level_of({**CLOSED, "namespaces": "absent"}) is Level.FULL
    for line in (*BUILT, *MEASURED):
        assert level_of({**CLOSED, line: "absent"}) is Level.NONE, line
    assert level_of({}) is Level.NONE


def test_open_in_spite_of_a_wall_is_an_alarm_and_without_one_a_fact() -> None:
    walls = {"seccomp": "closed", "landlock": "absent", "namespaces": "absent"}
    found = witness.testify(walls, os.getppid())
    assert found["processes"] == found["network"] == "OPEN"
    assert found["files"] == found["writing"] == found["names"] == "absent"


async def opened(name: str, highest: Level, **supervisor: object) -> tuple[PanelState, str, object]:
    """State, reason and level of a panel once it is up or has failed."""
    told = asyncio.Event()
    host = Supervisor(lambda _panel: told.set(), CALM, highest=highest, **supervisor)  # type: ignore[arg-type]
    try:
        catalog = Catalog.discover() if name == BUILTIN_PANEL else CATALOG
        panel = host.open(catalog.entry(name), {}, ())
        async with asyncio.timeout(PATIENCE_S):
            while panel.state is PanelState.STARTING:
                told.clear()
                await told.wait()
        return panel.state, panel.reason, panel.level
    finally:
        await host.close()


async def test_without_isolation_a_stranger_does_not_run_and_is_not_tried_again() -> None:
    state, reason, _level = await opened("fixture:echo", Level.NONE)
    assert state is PanelState.QUARANTINED
    assert reason == (
        "this system cannot isolate it (see `nanochat-cli doctor`); if you trust `fixture` as you "
        "trust this program, set NANOCHAT_CLI_UNSANDBOXED=fixture"
    )


async def test_without_isolation_our_own_panels_run() -> None:
    state, _reason, level = await opened(BUILTIN_PANEL, Level.NONE)
    assert (state, level) == (PanelState.LIVE, Level.NONE)


async def test_a_pack_that_the_person_allowed_runs_without_isolation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(UNSANDBOXED_VARIABLE, "other,fixture")
    state, _reason, level = await opened("fixture:echo", Level.NONE)
    assert (state, level) == (PanelState.LIVE, Level.NONE)


async def test_without_namespaces_the_level_is_full() -> None:
    if landlock.abi() == 0:
        pytest.skip("this kernel has no Landlock")
    state, _reason, level = await opened("fixture:echo", Level.FULL, allow_unsandboxed=())
    assert (state, level) == (PanelState.LIVE, Level.FULL)


def test_where_no_namespace_may_be_made_the_zygote_goes_on_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Refusing:
        @staticmethod
        def unshare(flags: int) -> int:
            return -1

    monkeypatch.setattr(namespaces.kernel, "libc", Refusing)
    monkeypatch.setattr(namespaces.kernel, "prctl", lambda *_arguments: None)
    assert in_child(lambda: namespaces.enter(None) is None) == 0
    assert capfd.readouterr().err.startswith("namespaces: ")


@pytest.mark.parametrize("version", range(1, landlock.abi() + 1))
def test_older_versions_of_landlock_hold_what_they_know(version: int) -> None:
    def closed() -> bool:
        fd = landlock.ruleset([(path, landlock.READ) for path in library.stdlib()], version)
        namespaces.kernel.prctl(namespaces.kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict(fd)
        open(os.__file__).close()  # noqa: PTH123
        walls = {"landlock": "closed"}
        found = witness.testify(walls, os.getppid())
        return found["files"] == found["writing"] == "closed"

    assert in_child(closed) == 0


async def test_a_pack_over_its_budget_is_ended_with_the_reason() -> None:
    tiny = Budget(memory_bytes=1)
    told = asyncio.Event()
    host = Supervisor(lambda _panel: told.set(), CALM, allow_unsandboxed=["fixture"], budget=tiny)
    try:
        panel = host.open(CATALOG.entry("fixture:echo"), {}, ())
        async with asyncio.timeout(PATIENCE_S):
            while panel.state is not PanelState.BACKOFF:
                told.clear()
                await told.wait()
        assert "MiB of memory; its pack may use 0 MiB" in panel.reason
        assert panel.pid is None
    finally:
        await host.close()
