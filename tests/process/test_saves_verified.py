"""A save is looked at after the fact: model, metadata and all ranks, or an alert."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core_rig import CoreRig, until
from nanochat_host.core.wire import StartRun
from nanochat_host.paths import RunPaths

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import fake_weights as fake

sys.path.pop(0)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path)
    rig.start()
    rig.add_checkout()
    yield rig
    rig.close()


def live_run(rig: CoreRig) -> RunPaths:
    start = StartRun("fake", "base_train", options={"go": str(rig.go)})
    run = rig.paths.run(rig.client.start_run(start).facts.id)
    rig.running(run)
    return run


def report_save(run: RunPaths, folder: Path, step: int) -> None:
    """What the hook appends when `save_checkpoint` has returned."""
    names = [file.name for file in folder.iterdir() if f"_{step:06d}" in file.name]
    files = {name: (folder / name).stat().st_size for name in names}
    told = {"dir": str(folder), "tag": folder.name, "files": files, "ok": True, "secs": 0.1}
    line = json.dumps({"ts": time.time(), "kind": "checkpoint", "step": step, **told})
    with run.events_jsonl.open("a") as file:
        file.write(line + "\n")


def verdict(rig: CoreRig, run: RunPaths, step: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        events = rig.client.events(run.run_id, ["state"], 100)
        told = [e for e in events if e.fields.get("what") == "verified" and e.step == step]
        return told[0].fields if told else None

    return until(look, f"step {step} was looked at", 40.0)


def test_a_whole_save_is_said_to_be_whole(rig: CoreRig, tmp_path: Path) -> None:
    run = live_run(rig)
    folder = fake.checkpoint(tmp_path / "base", step=10)
    report_save(run, folder, 10)
    told = verdict(rig, run, 10)
    assert (told["ok"], told["problems"], told["ranks"]) == (True, [], 1)
    assert told["bytes"] == sum(file.stat().st_size for file in folder.iterdir())


def test_a_torn_save_raises_an_alert_and_a_late_rank_none(rig: CoreRig, tmp_path: Path) -> None:
    run = live_run(rig)
    folder = fake.checkpoint(tmp_path / "base", step=20)
    torn = folder / "model_000020.pt"
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-400])
    report_save(run, folder, 20)
    # Written late, as by another rank: it is waited for while files grow.
    until(lambda: rig.client.events(run.run_id, ["checkpoint"], 1), "the save is known")
    torn.write_bytes(whole)
    assert verdict(rig, run, 20)["ok"]
    folder = fake.checkpoint(tmp_path / "base", step=30, ranks=2)
    (folder / "optim_000030_rank0.pt").unlink()
    report_save(run, folder, 30)
    told = verdict(rig, run, 30)
    assert told["problems"] == ["optimizer files of rank 0 are missing"]

    def alerts() -> list[str]:
        found = rig.client.events(run.run_id, ["alert"], 10)
        return [e.fields["message"] for e in found if e.fields["rule"] == "checkpoint_broken"]

    said = until(alerts, "an alert")
    assert said == ["the checkpoint of step 30 is not whole: optimizer files of rank 0 are missing"]
