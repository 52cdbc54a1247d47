"""The core as a real process: started on demand, one per home, killed and back again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from core_rig import CoreRig, events_of, kill, status_of, until
from nanochat_host.core.run_folder import write_status
from nanochat_host.core.shim import procs
from nanochat_host.core.start import LOST_THE_RACE, core_is_up, ensure_core, prepare_core_dir
from nanochat_host.core.wire import StopRun
from nanochat_host.errors import CoreUnavailableError
from nanochat_sdk.data import LogQuery


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path_factory.mktemp("core"))
    rig.start()
    rig.add_checkout()
    yield rig
    rig.close()


@pytest.fixture
def up(shared: CoreRig) -> CoreRig:
    """A core that is up, in a home where other tests' runs lie; started again if one killed it."""
    shared.go.unlink(missing_ok=True)
    shared.start()
    return shared


def run_server(rig: CoreRig) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nanochat_host.core.server"],
        env={**os.environ, "NANOCHAT_CLI_HOME": str(rig.paths.home)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_started_on_demand_in_a_folder_of_ours(rig: CoreRig) -> None:
    assert not core_is_up(rig.paths)
    info = rig.start()
    assert info.pid != os.getpid() and os.getsid(info.pid) == info.pid
    assert rig.paths.core_dir.stat().st_mode & 0o777 == 0o700
    assert os.getpriority(os.PRIO_PROCESS, info.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
    assert rig.start().pid == info.pid
    rig.client.shutdown()
    assert not core_is_up(rig.paths)
    assert not rig.paths.core_socket.exists()
    assert rig.paths.core_log.read_bytes() == b""


def test_sigterm_is_a_clean_end(rig: CoreRig) -> None:
    info = rig.start()
    stream = rig.client.stream()
    next(stream)
    os.kill(info.pid, signal.SIGTERM)
    list(stream)  # it ends; what the machine did meanwhile may have been told before
    until(lambda: not procs.is_alive(info.pid, 0), "the core ends")
    assert not rig.paths.core_socket.exists()


def test_many_who_start_it_at_once_get_one(rig: CoreRig) -> None:
    with ThreadPoolExecutor(4) as pool:
        infos = list(pool.map(lambda _: ensure_core(rig.paths, 30), range(4)))
    assert len({info.pid for info in infos}) == 1


def test_a_second_core_refuses(rig: CoreRig) -> None:
    info = rig.start()
    second = run_server(rig)
    assert second.returncode == LOST_THE_RACE
    assert f"pid {info.pid}" in second.stderr and second.stderr.count("\n") == 1
    assert rig.client.health().pid == info.pid


def test_a_stale_socket_is_replaced(rig: CoreRig) -> None:
    first = rig.start()
    kill(first.pid)
    assert rig.paths.core_socket.exists()
    assert rig.start().pid != first.pid


def test_a_socket_in_use_by_another_is_named_and_kept(rig: CoreRig) -> None:
    prepare_core_dir(rig.paths)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(rig.paths.core_socket))
        other.listen()
        result = run_server(rig)
    assert result.returncode == 1
    assert "in use by another program" in result.stderr and result.stderr.count("\n") == 1
    assert rig.paths.core_socket.exists()


def test_a_file_in_the_socket_s_place_is_named_and_kept(rig: CoreRig) -> None:
    prepare_core_dir(rig.paths)
    rig.paths.core_socket.write_text("mine")
    with pytest.raises(CoreUnavailableError, match="is not a socket"):
        ensure_core(rig.paths)
    assert rig.paths.core_socket.read_text() == "mine"


def test_a_folder_open_to_others_is_refused(rig: CoreRig) -> None:
    prepare_core_dir(rig.paths).chmod(0o755)
    with pytest.raises(CoreUnavailableError, match="chmod 700"):
        ensure_core(rig.paths)


def test_a_home_that_cannot_be_made(rig: CoreRig) -> None:
    rig.paths.home.write_text("a file")
    with pytest.raises(CoreUnavailableError, match="cannot use"):
        ensure_core(rig.paths)


def test_run_to_the_end_through_the_door(up: CoreRig) -> None:
    run = up.start_run(num_iterations=3)
    facts = up.ended(run).facts
    assert (facts.state, facts.exit_code) == ("done", 0)
    log = run.out_log.read_text()
    assert log.startswith(f"nice {os.nice(0)} pgid True")  # the core is nice, the trainer is not
    until(lambda: "finished" in up.client.log(run.run_id, LogQuery()).lines[-1].text, "all is read")
    names = {metric.name for metric in up.client.metrics(run.run_id)}
    assert {"train/loss", "train/tok_per_sec"} <= names


def test_a_failed_run_says_why(up: CoreRig) -> None:
    run = up.start_run(fail="no tokenizer")
    facts = up.ended(run).facts
    assert facts.state == "failed" and "RuntimeError: no tokenizer" in facts.reason


def test_the_run_outlives_a_killed_core(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go), exit_code=5)
    before = up.running(run)
    kill(up.client.health().pid)
    info = up.start()
    assert info.active_runs == 1
    assert up.summary(run).facts.state == "running"
    assert status_of(run).pid == before.pid
    up.go.touch()
    facts = up.ended(run).facts
    assert (facts.state, facts.exit_code) == ("failed", 5)
    assert run.out_log.read_text().count("finished") == 1
    assert "adopted" in [event.get("what") for event in events_of(run)]


def test_a_run_that_ended_while_no_core_was_there(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go), exit_code=6)
    status = up.running(run)
    kill(up.client.health().pid)
    up.go.touch()
    until(lambda: not procs.is_alive(status.shim_pid, status.shim_start), "the shim ends")
    up.start()
    facts = up.summary(run).facts
    assert (facts.state, facts.exit_code) == ("failed", 6)


def test_a_killed_shim_is_replaced_and_training_goes_on(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go))
    before = up.running(run)
    kill(before.shim_pid)
    after = until(lambda: (s := status_of(run)).shim_pid != before.shim_pid and s, "a new shim")
    assert after.pid == before.pid and procs.is_alive(after.pid, after.pid_start)
    up.go.touch()
    facts = up.ended(run).facts
    assert facts.state in ("done", "lost")  # lost: a kernel that does not tell the exit code
    assert run.out_log.read_text().endswith("finished\n")
    reasons = [event["reason"] for event in events_of(run) if event.get("what") == "adopted"]
    assert any("shim was killed" in reason for reason in reasons)


def test_shim_and_core_killed_training_goes_on(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go))
    before = up.running(run)
    kill(up.client.health().pid)
    kill(before.shim_pid)
    up.start()
    after = until(lambda: (s := status_of(run)).shim_pid != before.shim_pid and s, "a new shim")
    assert after.pid == before.pid
    up.go.touch()
    assert up.ended(run).facts.state in ("done", "lost")


def test_all_killed_at_once_is_lost_and_said_so(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go))
    before = up.running(run)
    for pid in (up.client.health().pid, before.shim_pid, before.pid):
        kill(pid)
    up.start()
    facts = up.summary(run).facts
    assert facts.state == "lost" and "exit code is unknown" in facts.reason
    assert status_of(run).state == "lost" and facts.ended_at > 0
    assert "lost" in [event.get("what") for event in events_of(run)]


def test_a_hook_s_last_word_saves_the_exit_code(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go))
    before = up.running(run)
    kill(up.client.health().pid)
    kill(before.shim_pid)
    with run.events_jsonl.open("a") as file:
        file.write('{"ts": 2.0, "kind": "state", "what": "end", "exit_code": 0}\n')
    kill(before.pid)
    up.start()
    facts = up.summary(run).facts
    assert (facts.state, facts.exit_code, facts.reason) == ("done", 0, "")


def test_a_killed_trainer(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go))
    kill(up.running(run).pid)
    facts = up.ended(run).facts
    assert facts.state == "failed" and "SIGKILL" in facts.reason


@pytest.mark.parametrize("field", ["pid_start", "boot_id"])
def test_a_pid_that_is_somebody_else_s_by_now(up: CoreRig, field: str) -> None:
    """The pid lives, but it is another process, or the machine was restarted since."""
    run = up.start_run(go=str(up.go))
    before = up.running(run)
    for pid in (up.client.health().pid, before.shim_pid, before.pid):
        kill(pid)
    status = status_of(run)
    status.pid = os.getpid()
    status.pid_start = procs.start_ticks(os.getpid())
    if field == "pid_start":
        status.pid_start -= 1
    else:
        status.boot_id = "another"
    write_status(run, status)
    up.start()
    facts = up.summary(run).facts
    assert facts.state == "lost"
    assert ("restarted" in facts.reason) == (field == "boot_id")


def test_stop_ladder_down_to_sigkill(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go), deaf=True)
    up.running(run)
    up.client.stop_run(run.run_id, StopRun("term", grace_s=0.3))
    assert up.summary(run).facts.state in ("stopping", "failed")
    facts = up.ended(run).facts
    assert facts.reason == "stopped as asked (SIGKILL): ended by SIGKILL"
    notes = [event["text"] for event in events_of(run) if event["kind"] == "log"]
    assert notes == ["stop: sent SIGTERM; SIGKILL in 0.3 s", "stop: sent SIGKILL"]


def test_a_harder_stop_cuts_the_ladder_short(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go), deaf=True)
    up.running(run)
    up.client.stop_run(run.run_id, StopRun("term", grace_s=3600))
    again = up.client.stop_run(run.run_id, StopRun("term", grace_s=3600))
    assert "already" in again.note
    up.client.stop_run(run.run_id, StopRun("kill"))
    assert "SIGKILL" in up.ended(run).facts.reason


def test_stop_works_while_a_new_shim_takes_over(up: CoreRig) -> None:
    run = up.start_run(go=str(up.go))
    before = up.running(run)
    kill(before.shim_pid)
    up.client.stop_run(run.run_id, StopRun("kill"))
    assert up.ended(run).facts.state in ("failed", "lost")
    assert not procs.is_alive(before.pid, before.pid_start)


def test_a_damaged_run_is_left_out_and_the_rest_is_there(up: CoreRig) -> None:
    run = up.start_run()
    up.ended(run)
    broken = up.start_run()
    up.ended(broken)
    torn = up.start_run()
    up.ended(torn)
    shim = status_of(torn)
    until(lambda: not procs.is_alive(shim.shim_pid, shim.shim_start), "its shim is gone")
    up.client.shutdown()
    broken.run_json.write_bytes(b"\x00\xff{")
    torn.state_json.write_bytes(b'{"state": "do')
    up.start()
    facts = up.summary(torn).facts
    assert facts.state == "lost" and "state.json" in facts.reason
    ids = [summary.facts.id for summary in up.client.runs()]
    assert run.run_id in ids and broken.run_id not in ids
    assert broken.run_json.name in (up.paths.logs / "core.jsonl").read_text()


def test_no_zombie_shims(up: CoreRig) -> None:
    run = up.start_run()
    up.ended(run)
    core = up.client.health().pid
    shim = status_of(run).shim_pid
    until(lambda: procs.proc_stat(shim) is None, "the shim is reaped")
    assert procs.children_of(core) == []
