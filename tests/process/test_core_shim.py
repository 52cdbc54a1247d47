"""The shim alone: what it writes about a trainer's life and death, with nobody watching it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import events_of, kill, make_checkout, small_disk, status_of, until
from nanochat_host.core import run_folder
from nanochat_host.core.launcher import _spawn
from nanochat_host.core.shim import procs
from nanochat_host.core.shim.reserve import LEAST_BYTES
from nanochat_host.core.watch import reap
from nanochat_host.core.wire import RunRecord, RunStatus, RunStep
from nanochat_host.paths import Paths, RunPaths

ENV = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "TOKEN": "s3cret"}
HANDED = json.dumps({"env": ENV, "secrets": []}).encode()


def record(checkout: Path, *argvs: list[str]) -> RunRecord:
    module = "scripts.base_train"
    steps = [
        RunStep("base_train", module, argv, command=[sys.executable, "-m", module, *argv])
        for argv in argvs
    ]
    run_id = run_folder.new_run_id("base_train", time.time())
    return RunRecord(run_id, "n", "fake", str(checkout), sys.executable, "", steps, time.time())


class Shims:
    """Starts shims and ends them with the test."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder / "home")
        self.checkout = make_checkout(folder / "checkout")
        self.started: list[tuple[int, int]] = []

    def run(self, *argvs: list[str], paths: Paths | None = None) -> tuple[RunPaths, int]:
        run = run_folder.create(
            paths or self.paths, record(self.checkout, *argvs), RunStatus("starting")
        )
        return run, self.shim(run)

    def shim(self, run: RunPaths, *, adopt: bool = False) -> int:
        lock = run_folder.lock_shim(run)
        assert lock is not None
        pid = _spawn(run, lock, HANDED, adopt)
        self.started.append((pid, procs.start_ticks(pid)))
        return pid

    def end(self, pid: int) -> None:
        until(lambda: not procs.is_alive(pid, 0), "the shim ends")
        reap(pid)


@pytest.fixture
def shims(tmp_path: Path) -> Iterator[Shims]:
    shims = Shims(tmp_path)
    yield shims
    for pid, start in shims.started:
        for child in procs.children_of(pid) if procs.is_alive(pid, start) else []:
            procs.send_signal(child, procs.start_ticks(child), signal.SIGKILL)
        procs.send_signal(pid, start, signal.SIGKILL)


def waiting(run: RunPaths) -> RunStatus:
    until(lambda: b"waiting" in run.out_log.read_bytes(), "the trainer waits")
    return until(lambda: (s := status_of(run)).pid and s, "state.json names the trainer")


def test_log_state_and_events_of_a_run(shims: Shims) -> None:
    run, pid = shims.run(["--num-iterations=2"])
    shims.end(pid)
    log = run.out_log.read_text()
    assert log.splitlines()[0] == f"nice {os.nice(0)} pgid True secret s3cret"
    assert "step 00001/00002" in log and log.endswith("finished\n")
    status = status_of(run)
    assert (status.state, status.exit_code, status.signal, status.pid) == ("done", 0, 0, 0)
    assert status.ended_at >= status.stage_started_at >= status.started_at > 0
    stages = [(e["what"], e["index"]) for e in events_of(run)]
    assert stages == [("stage", 0), ("stage_end", 0)]
    assert b"s3cret" not in run.run_json.read_bytes() + run.state_json.read_bytes()
    assert run.shim_log.read_bytes() == b""


def test_exit_code_and_the_reason(shims: Shims) -> None:
    run, pid = shims.run(["--fail=no tokenizer at /x"])
    shims.end(pid)
    status = status_of(run)
    assert (status.state, status.exit_code) == ("failed", 1)
    assert status.reason == "exit code 1: RuntimeError: no tokenizer at /x"


def test_steps_follow_until_one_fails(shims: Shims) -> None:
    run, pid = shims.run(["--num-iterations=1"], ["--exit-code=3"], ["--num-iterations=1"])
    shims.end(pid)
    status = status_of(run)
    assert (status.state, status.exit_code, status.step_index) == ("failed", 3, 1)
    ends = [(e["index"], e["exit_code"]) for e in events_of(run) if e["what"] == "stage_end"]
    assert ends == [(0, 0), (1, 3)]


def test_a_command_that_cannot_start(shims: Shims) -> None:
    wanted = record(shims.checkout, [])
    wanted.steps[0].command = ["/nowhere/python", "-m", "x"]
    run = run_folder.create(shims.paths, wanted, RunStatus("starting"))
    shims.end(shims.shim(run))
    status = status_of(run)
    assert status.state == "failed"
    assert "/nowhere/python" in status.reason and "cannot start" in status.reason


def test_killed_trainer_names_the_signal(shims: Shims, tmp_path: Path) -> None:
    run, pid = shims.run([f"--go={tmp_path / 'go'}"])
    kill(waiting(run).pid)
    shims.end(pid)
    status = status_of(run)
    assert (status.state, status.exit_code, status.signal) == ("failed", None, signal.SIGKILL)
    assert "SIGKILL" in status.reason and "out of memory" in status.reason


def test_sigterm_reaches_the_trainer_and_no_step_follows(shims: Shims, tmp_path: Path) -> None:
    run, pid = shims.run([f"--go={tmp_path / 'go'}"], ["--num-iterations=1"])
    waiting(run)
    os.kill(pid, signal.SIGTERM)
    shims.end(pid)
    status = status_of(run)
    assert (status.signal, status.step_index) == (signal.SIGTERM, 0)
    assert status.reason == "stopped as asked (SIGTERM): ended by SIGTERM"
    assert events_of(run)[-1]["asked"] == "SIGTERM"


def test_sigusr1_kills_all_descendants(shims: Shims, tmp_path: Path) -> None:
    """torchrun puts its ranks into sessions of their own: the group alone is not enough."""
    script = shims.checkout / "scripts" / "base_train.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)\nprint('rank', p.pid, 'waiting', flush=True)\ntime.sleep(600)\n"
    )
    run, pid = shims.run([])
    waiting(run)
    rank = int(run.out_log.read_text().split()[1])
    os.kill(pid, signal.SIGUSR1)
    shims.end(pid)
    until(lambda: not procs.is_alive(rank, 0), "the rank is gone")
    assert status_of(run).signal == signal.SIGKILL


def test_ranks_of_a_killed_leader_do_not_stay(shims: Shims) -> None:
    script = shims.checkout / "scripts" / "base_train.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)\nprint('rank', p.pid, 'waiting', flush=True)\ntime.sleep(600)\n"
    )
    run, pid = shims.run([])
    leader = waiting(run).pid
    rank = int(run.out_log.read_text().split()[1])
    kill(leader)
    shims.end(pid)
    until(lambda: not procs.is_alive(rank, 0), "the rank is gone")


def test_sigusr2_ends_a_pipeline_after_the_step(shims: Shims, tmp_path: Path) -> None:
    go = tmp_path / "go"
    run, pid = shims.run([f"--go={go}"], ["--num-iterations=1"])
    waiting(run)
    os.kill(pid, signal.SIGUSR2)
    go.touch()
    shims.end(pid)
    status = status_of(run)
    assert (status.state, status.step_index) == ("done", 0)
    assert "were not run" in status.reason


def test_hangup_and_interrupt_are_nothing(shims: Shims, tmp_path: Path) -> None:
    go = tmp_path / "go"
    run, pid = shims.run([f"--go={go}"])
    waiting(run)
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGINT)
    go.touch()
    shims.end(pid)
    assert status_of(run).state == "done"
    assert os.getsid(0) != pid


def test_a_signal_before_the_handlers_stand_waits(shims: Shims) -> None:
    run, pid = shims.run(["--num-iterations=100000000"])
    os.kill(pid, signal.SIGTERM)
    shims.end(pid)
    assert status_of(run).reason.startswith("stopped as asked (SIGTERM)")


@pytest.mark.parametrize("code", [0, 7])
def test_adopting_shim_learns_the_exit_code(shims: Shims, tmp_path: Path, code: int) -> None:
    """The kernel tells it while the trainer is a zombie, or by its pidfd from Linux 6.15 on."""
    go = tmp_path / "go"
    run, first = shims.run([f"--go={go}", f"--exit-code={code}"], ["--num-iterations=1"])
    waiting(run)
    kill(first)
    reap(first)
    second = shims.shim(run, adopt=True)
    until(lambda: status_of(run).shim_pid == second, "the second shim took over")
    go.touch()
    shims.end(second)
    status = status_of(run)
    if status.state == "lost":
        assert "exit code unknown" in status.reason  # an older kernel, and init was quicker
        return
    assert (status.state, status.exit_code) == (("done", 0) if code == 0 else ("failed", 7))
    assert status.step_index == (1 if code == 0 else 0)
    assert run.out_log.read_text().count("finished") == (2 if code == 0 else 1)


def test_memory_of_a_shim(shims: Shims, tmp_path: Path) -> None:
    run, pid = shims.run([f"--go={tmp_path / 'go'}"])
    waiting(run)
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    private_kb = sum(int(row.split()[1]) for row in rollup.splitlines() if "Private_Dirty" in row)
    assert private_kb < 6 * 1024


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small tmpfs takes root")
def test_full_disk_delays_and_loses_nothing(shims: Shims, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with small_disk(tmp_path / "disk", LEAST_BYTES) as disk:  # too small for a reserve
        run, pid = shims.run([f"--go={go}"], paths=Paths(disk))
        waiting(run)
        ballast = fill(disk)
        trainer = status_of(run).pid
        before = _writes(pid)
        kill(trainer)
        # One write tells the shim's loop of SIGCHLD, the next is the state's, in vain.
        until(lambda: _writes(pid) >= before + 2, "the shim has tried to write the end")
        assert status_of(run).state == "running"  # it could not be written
        freed_at = time.time()
        ballast.unlink()
        shims.end(pid)
        status = status_of(run)
        assert (status.state, status.signal) == ("failed", signal.SIGKILL)
        assert status.ended_at < freed_at
        assert run.state_json.stat().st_mtime > freed_at - 0.02  # file times are coarser
        assert [e["what"] for e in events_of(run)] == ["stage", "stage_end"]


def fill(disk: Path) -> Path:
    """Write a file until nothing more fits."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    return ballast


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small tmpfs takes root")
def test_the_log_s_reserve_lasts_on_a_full_disk(shims: Shims, tmp_path: Path) -> None:
    """Neither does the trainer's `print` fail, nor is its end forgotten."""
    go = tmp_path / "go"
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        run, pid = shims.run([f"--go={go}", "--say=2000"], paths=Paths(disk))
        waiting(run)
        fill(disk)
        go.touch()
        shims.end(pid)
        status = status_of(run)
        assert (status.state, status.exit_code) == ("done", 0)
        assert run.out_log.read_text().endswith("so it goes 1999\nfinished\n")
        assert [e["what"] for e in events_of(run)] == ["stage", "stage_end"]


def test_the_reserve_is_given_back(shims: Shims) -> None:
    run, pid = shims.run(["--num-iterations=1"])
    shims.end(pid)
    assert run.out_log.stat().st_blocks * 512 < LEAST_BYTES


def _writes(pid: int) -> int:
    """Attempts of the process to write anywhere. The whole process's count has its children's."""
    rows = Path(f"/proc/{pid}/task/{pid}/io").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("syscw"))
