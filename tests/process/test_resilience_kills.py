"""kill -9 of everything in turn under one live run: it is said, it heals, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import psutil
import pytest
from core_rig import kill, status_of, until
from nanochat_host.core.shim import procs
from resilience_rig import (
    Live,
    all_gone,
    assert_nothing_lost,
    family,
    is_alive,
    live_run,
    readable_events,
    says,
    shows_step_after,
    steps_printed,
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_run(tmp_path_factory.mktemp("live")) as live:
        yield live


def test_a_worker(live: Live) -> None:
    zygotes, workers = family(live.tui)
    calm = {process.pid for process in (*zygotes, *workers[1:])}
    workers[0].kill()
    live.tui.wait_for("killed by SIGKILL, trying again")
    assert live.tui.text.count("trying again") == 1, "its own frame alone says so"
    until(lambda: len(family(live.tui)[1]) == len(workers), "another worker")
    zygotes, workers = family(live.tui)
    assert calm < {process.pid for process in (*zygotes, *workers)}, "the others were left alone"
    live.moves_on()
    live.tui.wait_until(lambda: "trying again" not in live.tui.text, "its frame as it was")
    assert_nothing_lost(live.rig, live.run)


@pytest.mark.parametrize("which", ["outermost", "innermost"])
def test_the_zygote(live: Live, which: str) -> None:
    zygotes, workers = family(live.tui)
    zygotes[0 if which == "outermost" else -1].kill()
    live.tui.wait_for("the zygote, which all panels are forked from, ended")
    all_gone([*zygotes, *workers])
    live.moves_on()
    until(lambda: len(family(live.tui)[1]) == len(workers), "as many workers as before")
    assert_nothing_lost(live.rig, live.run)


def test_the_core(live: Live) -> None:
    shown = live.tui
    old = live.rig.client.health().pid
    trainer = status_of(live.run).pid
    kill(old)
    says(shown, "the core was restarted, nothing was lost")
    shown.wait_for("core up")
    assert "run it again" not in shown.text, "a person at a screen has nothing to run"
    assert live.rig.client.health().pid != old
    assert status_of(live.run).pid == trainer
    live.moves_on()
    assert_nothing_lost(live.rig, live.run)


def test_the_shim(live: Live) -> None:
    shown = live.tui
    before = status_of(live.run)
    kill(before.shim_pid)
    says(shown, "its shim was killed; training goes on under a new one")
    after = until(lambda: (s := status_of(live.run)).shim_pid != before.shim_pid and s, "a shim")
    assert after.pid == before.pid and procs.is_alive(after.pid, after.pid_start)
    live.moves_on()
    assert_nothing_lost(live.rig, live.run)


def test_the_screen(live: Live) -> None:
    zygotes, workers = family(live.tui)
    os.kill(live.tui.pid, signal.SIGKILL)
    all_gone([*zygotes, *workers])
    before = steps_printed(live.run)[-1]
    shows_step_after(live.tui, before)
    live.tui.wait_for("running  looper")
    assert_nothing_lost(live.rig, live.run)


def test_the_trainer(live: Live) -> None:
    """Last: the run ends with it."""
    shown = live.tui
    status = status_of(live.run)
    kill(status.pid)
    says(shown, "looper failed: killed by signal 9 if that was not you")
    shown.wait_for("✗ failed  looper")
    last = until(lambda: (s := status_of(live.run)).state != "running" and s, "the end is written")
    assert (last.state, last.exit_code) == ("failed", None)
    # A shim that took over from another is no parent of the trainer: where the kernel does not
    # tell a stranger's end, it says so.
    assert last.signal in (signal.SIGKILL, 0) and last.ended_at > last.started_at
    until(lambda: not is_alive(status.shim_pid), "the shim ends with its run")
    assert "stage_end" in [e["what"] for e in readable_events(live.run) if e["kind"] == "state"]
    assert_nothing_lost(live.rig, live.run, ended=True)
    left = [p for p in psutil.process_iter(["cmdline"]) if _is_of(p, str(live.rig.paths.home))]
    assert left == [], "only screen and core are left"
    assert re.search(r"step\s+[\d,]+ / 10,000,000", shown.text), "the figures stay on show"


def _is_of(process: psutil.Process, home: str) -> bool:
    return any(home in word for word in process.info["cmdline"] or ())
