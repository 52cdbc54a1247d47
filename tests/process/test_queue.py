"""What is to run next: one after another, through failures and deaths of the core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import CoreRig, kill, until
from nanochat_host.cli import main
from nanochat_host.core import calls_queue as calls
from nanochat_host.core.run_folder import ENDED
from nanochat_host.core.wire import RunSummary, StartRun
from nanochat_host.core.wire_queue import QueueItem, QueueWish
from nanochat_host.errors import NotFoundError, RefusedError, UsageError


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CoreRig]:
    with CoreRig(tmp_path).started() as rig:
        yield rig


def put(rig: CoreRig, name: str, target: str = "base_train", **more: object) -> QueueItem:
    """Queue a run of that name. more: options of the stage; flags of the queue end in `_`."""
    flags = {key[:-1]: more.pop(key) for key in list(more) if key.endswith("_")}
    gpus = str(flags.pop("gpus", ""))
    start = StartRun("fake", target, options=more, name=name, gpus=gpus)
    return rig.client.ask(calls.add(QueueWish(start, **flags)))  # type: ignore[arg-type]


def named(rig: CoreRig, name: str) -> RunSummary | None:
    return next((run for run in rig.client.runs() if run.facts.name == name), None)


def over(rig: CoreRig, name: str) -> RunSummary:
    def ended() -> RunSummary | None:
        run = named(rig, name)
        return run if run is not None and run.facts.state in ENDED else None

    return until(ended, f"{name} ends")


def waiting(rig: CoreRig) -> list[str]:
    return [item.start.name for item in rig.client.ask(calls.queue()).items]


def test_what_waits_starts_when_the_run_before_it_ended_well(rig: CoreRig) -> None:
    run = rig.start_run(go=str(rig.go))
    rig.running(run)
    put(rig, "second")
    put(rig, "third")
    assert waiting(rig) == ["second", "third"]
    assert rig.client.ask(calls.queue()).items[0].after == [run.run_id]
    rig.go.touch()
    second, third = over(rig, "second"), over(rig, "third")
    assert second.facts.started_at >= (rig.ended(run).facts.ended_at or 0)
    assert third.facts.started_at >= (second.facts.ended_at or 0)
    assert waiting(rig) == []


def test_a_failure_holds_the_queue_until_a_person_goes_on(rig: CoreRig) -> None:
    put(rig, "bad", go=str(rig.go), fail="out of luck")
    put(rig, "next")
    put(rig, "last", even_after_failure_=True)
    rig.go.touch()
    assert over(rig, "bad").facts.state == "failed"
    held = until(lambda: rig.client.ask(calls.queue()).held, "the queue is held")
    assert held.startswith("bad failed") and "out of luck" in held
    assert waiting(rig) == ["next", "last"]
    rig.client.ask(calls.pause(False))
    assert over(rig, "next").facts.state == "done"
    assert over(rig, "last").facts.state == "done"


def test_told_to_it_starts_even_after_a_failure(rig: CoreRig) -> None:
    put(rig, "bad", fail="out of luck")
    put(rig, "next", even_after_failure_=True)
    assert over(rig, "next").facts.state == "done"
    assert not rig.client.ask(calls.queue()).held


def test_a_core_that_was_killed_goes_on_and_starts_nothing_twice(rig: CoreRig) -> None:
    run = rig.start_run(go=str(rig.go))
    rig.running(run)
    item = put(rig, "second")
    kill(rig.client.health().pid)
    file = json.loads(rig.paths.queue_json.read_text())
    begun = file["items"][0]
    again = {**begun, "id": "q000001", "start": {**begun["start"], "name": "third"}}
    rig.paths.queue_json.write_text(json.dumps({"items": [begun, again]}))
    assert rig.paths.queue_json.stat().st_mode & 0o077 == 0
    rig.start()
    assert waiting(rig) == ["second", "third"]
    rig.go.touch()
    over(rig, "third")
    record = rig.client.run(over(rig, "second").facts.id).record
    assert record.queue_item == item.id
    kill(rig.client.health().pid)
    # As if it had been killed between the start and the writing of the list.
    rig.paths.queue_json.write_text(json.dumps({"items": [begun]}))
    rig.start()
    assert waiting(rig) == []
    assert [run.facts.name for run in rig.client.runs()].count("second") == 1


def test_runs_on_other_gpus_do_not_wait_for_each_other(rig: CoreRig) -> None:
    put(rig, "first", go=str(rig.go), gpus_="0,1")
    put(rig, "same", gpus_="1")
    put(rig, "other", gpus_="2")
    put(rig, "beside", beside_=True)
    for name in ("other", "beside"):
        assert over(rig, name).facts.state == "done"
    assert waiting(rig) == ["same"]
    first = named(rig, "first")
    assert first is not None and first.facts.state not in ENDED
    rig.go.touch()
    record = rig.client.run(over(rig, "same").facts.id).record
    assert record.env["CUDA_VISIBLE_DEVICES"] == "1"


def test_order_is_the_persons_and_what_cannot_start_is_refused(rig: CoreRig) -> None:
    run = rig.start_run(go=str(rig.go))
    rig.running(run)
    items = [put(rig, name) for name in ("a", "b", "c")]
    rig.client.ask(calls.move(items[2].id, 0))
    assert waiting(rig) == ["c", "a", "b"]
    rig.client.ask(calls.remove(items[0].id))
    assert waiting(rig) == ["c", "b"]
    with pytest.raises(NotFoundError):
        rig.client.ask(calls.remove(items[0].id))
    with pytest.raises(UsageError, match="no option `dpeth`"):
        put(rig, "d", dpeth=4)
    with pytest.raises(RefusedError, match="WANDB_API_KEY"):
        start = StartRun("fake", "base_train", env={"WANDB_API_KEY": "x" * 40})
        rig.client.ask(calls.add(QueueWish(start)))
    rig.client.ask(calls.pause(True))
    rig.go.touch()
    rig.ended(run)
    assert waiting(rig) == ["c", "b"]
    rig.client.ask(calls.pause(False))
    over(rig, "b")


def test_the_queue_from_the_command_line(
    rig: CoreRig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(rig.paths.home))
    run = rig.start_run(go=str(rig.go))
    rig.running(run)
    words = ["run", "start", "base_train", "--checkout", "fake", "--queue", "--json"]
    assert main([*words, "--name", "one"]) == 0
    first = json.loads(capsys.readouterr().out)["id"]
    assert main([*words, "--name", "two", "--even-after-failure"]) == 0
    second = json.loads(capsys.readouterr().out)["id"]
    assert main(["run", "queue", "--move", second, "--to", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("two (base_train)") < shown.index("one (base_train)")
    assert f"after, however it ends: {run.run_id}" in shown
    assert main(["run", "queue", "--remove", first, "--yes"]) == 0
    assert main(["run", "queue", "--pause"]) == 0
    assert "paused" in capsys.readouterr().out
    assert main(["run", "queue", "--remove", "q0"]) == 2
    assert main(["run", "queue", "--resume"]) == 0
    rig.go.touch()
    assert over(rig, "two").facts.state == "done"
