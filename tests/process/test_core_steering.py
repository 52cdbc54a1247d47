"""Steering through core and hook: what is asked for reaches the loop and is answered."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import CoreRig, events_of, kill, small_disk, status_of, until
from fake_checkout import make_checkout
from nanochat_host.core.shim import procs
from nanochat_host.core.wire import AddCheckout, Control, StopRun
from nanochat_host.errors import NanochatCliError, RefusedError, UsageError
from nanochat_host.paths import RunPaths


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path_factory.mktemp("steering"))
    rig.start()
    looping = make_checkout(rig.folder / "looping")
    rig.client.add_checkout(AddCheckout(str(looping), "fake", python=sys.executable))
    yield rig
    rig.close()


@pytest.fixture
def run(rig: CoreRig) -> Iterator[RunPaths]:
    """A run in the middle of its loop."""
    rig.start()
    run = rig.start_run(num_iterations=1_000_000, step_ms=2, eval_every=-1)
    until(lambda: rig.summary(run).facts.step > 0, "it trains")
    yield run
    if rig.summary(run).facts.ended_at == 0:
        rig.client.stop_run(run.run_id, StopRun("kill"))
        rig.ended(run)


def answer(rig: CoreRig, run: RunPaths, control: Control) -> str:
    """What the hook answered: "applied", "refused", "paused" or "resumed"."""
    ack = rig.client.control(run.run_id, control)
    event = rig.client.wait_for_ack(run.run_id, ack.id, 60)
    assert event is not None, control
    return str(event.fields["what"])


def test_commands_are_applied_and_remembered(rig: CoreRig, run: RunPaths) -> None:
    assert answer(rig, run, Control("save")) == "applied"
    assert answer(rig, run, Control("eval")) == "applied"
    assert answer(rig, run, Control("set", "eval_every", 7)) == "applied"
    assert answer(rig, run, Control("lr", value=0.5)) == "applied"
    detail = rig.client.run(run.run_id)
    assert "num_iterations" in detail.live
    became = [(p["cmd"], p["value"], p["result"]) for p in detail.patches]
    assert became == [("set", 7, "applied"), ("lr", 0.5, "applied")]
    assert all(patch["step"] > 0 for patch in detail.patches)
    assert rig.client.events(run.run_id, ["checkpoint"], 10)


def test_pause_and_resume_show_in_the_state(rig: CoreRig, run: RunPaths) -> None:
    assert answer(rig, run, Control("pause")) in ("applied", "paused")
    until(lambda: rig.summary(run).facts.state == "paused", "it is paused")
    assert answer(rig, run, Control("resume")) in ("applied", "resumed")
    until(lambda: rig.summary(run).facts.state == "running", "it runs again")


def test_what_makes_no_sense_is_refused_here(rig: CoreRig, run: RunPaths) -> None:
    with pytest.raises(RefusedError, match="num_iterations"):
        rig.client.control(run.run_id, Control("set", "num_iteration", 5))
    with pytest.raises(UsageError, match="a name and a value"):
        rig.client.control(run.run_id, Control("set"))
    with pytest.raises(UsageError, match="multiplier"):
        rig.client.control(run.run_id, Control("lr", value="fast"))
    with pytest.raises(UsageError, match="at_step"):
        rig.client.control(run.run_id, Control("save", at_step=-1))


def test_stop_and_save_ends_well(rig: CoreRig, run: RunPaths) -> None:
    rig.client.stop_run(run.run_id, StopRun("save"))
    facts = rig.ended(run).facts
    assert (facts.state, facts.exit_code, facts.reason) == ("done", 0, "stopped as asked")
    assert any(event["kind"] == "checkpoint" for event in events_of(run))
    notes = [event["text"] for event in events_of(run) if event["kind"] == "log"]
    assert len(notes) == 1 and "finish its step" in notes[0]


def test_stop_of_a_paused_run(rig: CoreRig, run: RunPaths) -> None:
    answer(rig, run, Control("pause"))
    rig.client.stop_run(run.run_id, StopRun("save"))
    assert rig.ended(run).facts.state == "done"


def test_commands_and_ids_go_on_after_the_core_was_killed(rig: CoreRig, run: RunPaths) -> None:
    assert answer(rig, run, Control("set", "eval_every", 9)) == "applied"
    kill(rig.client.health().pid)
    rig.start()
    until(lambda: rig.client.run(run.run_id).live, "its events are read again")
    assert answer(rig, run, Control("set", "eval_every", 11)) == "applied"
    ids = [patch["id"] for patch in rig.client.run(run.run_id).patches]
    assert ids == ["c1", "c2"]


def test_a_script_without_a_loop_says_why_it_cannot_be_steered(
    rig: CoreRig, tmp_path: Path
) -> None:
    script = rig.folder / "looping" / "scripts" / "tok_train.py"
    script.write_text(
        "import os, time\nprint('waiting', flush=True)\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
    )
    run = rig.start_run("tok_train")
    rig.running(run)
    with pytest.raises(RefusedError, match="no training loop"):
        rig.client.control(run.run_id, Control("save"))
    (tmp_path / "go").touch()
    assert rig.ended(run).facts.state == "done"


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small tmpfs takes root")
def test_a_full_disk_harms_neither_trainer_nor_core(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 * 1024 * 1024) as disk:
        rig = CoreRig(disk)
        try:
            _fill_and_free(rig)
        finally:
            rig.close()


def _fill_and_free(rig: CoreRig) -> None:
    rig.start()
    looping = make_checkout(rig.folder / "looping")
    rig.client.add_checkout(AddCheckout(str(looping), "fake", python=sys.executable))
    run = rig.start_run(num_iterations=1_000_000, step_ms=2, eval_every=-1)
    until(lambda: rig.summary(run).facts.step > 0, "it trains")
    ballast = rig.folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    status = status_of(run)
    naps = _naps(status.pid)
    until(lambda: _naps(status.pid) > naps + 200, "the trainer makes steps on the full disk")
    with pytest.raises(NanochatCliError, match="space"):
        for _ in range(100):  # the last page of control.jsonl may still take some
            rig.client.control(run.run_id, Control("lr", value=0.5))
    with pytest.raises(NanochatCliError, match="space"):
        rig.start_run()
    assert rig.client.health().active_runs == 1
    assert procs.is_alive(status.pid, status.pid_start)
    ballast.unlink()
    before = rig.summary(run).facts.step
    until(lambda: rig.summary(run).facts.step > before, "steps are recorded again")
    rig.client.stop_run(run.run_id, StopRun("save"))
    facts = rig.ended(run).facts
    assert (facts.state, facts.exit_code) == ("done", 0), facts.reason


def _naps(pid: int) -> int:
    """How often the process went to sleep: once a step at least."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("voluntary"))
