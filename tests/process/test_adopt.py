"""Runs that somebody else started: a real process writes the log, a real core follows it."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_rig import CoreRig, until
from nanochat_host.core import calls_outside as calls
from nanochat_host.core.wire_outside import AdoptRun
from nanochat_host.errors import RefusedError, UsageError

WRITER = """
import sys, time, os
log, go = sys.argv[1:]
with open(log, "w", buffering=1) as out:
    for step in range(int(5)):
        if step == 4:
            while not os.path.exists(go):
                time.sleep(0.01)
        out.write(f"step {step:05d}/00005 (20.00%) | loss: {4.0 - step / 10:.6f} | lrm: 1.00 | "
                  "dt: 1.00ms | tok/sec: 1,000 | bf16_mfu: 1.00 | epoch: 0 | total time: 0.01m\\n")
"""
DATA = Path(__file__).parents[1] / "data" / "wandb" / "offline.wandb.gz"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CoreRig]:
    rig = CoreRig(tmp_path)
    rig.start()
    yield rig
    rig.close()


def test_a_foreign_run_is_followed_to_its_end_over_a_core_that_is_killed(rig: CoreRig) -> None:
    log = rig.folder / "train.log"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(log), str(rig.go)])
    try:
        until(lambda: log.exists() and log.read_text().count("\n") == 4, "four steps")
        run_id = rig.client.ask(calls.adopt(AdoptRun(str(log), checkout="fake"))).facts.id
        detail = rig.client.run(run_id)
        assert detail.status.pid == writer.pid
        until(lambda: rig.client.run(run_id).summary.facts.step == 3, "step 3 is known")
        with pytest.raises(RefusedError, match="follows"):
            rig.client.ask(calls.adopt(AdoptRun(str(log))))
        rig.client.shutdown()
        rig.start()
        assert rig.client.run(run_id).summary.facts.state == "running"
        rig.go.touch()
        writer.wait()
        facts = until(
            lambda: (f := rig.client.run(run_id).summary.facts).state == "done" and f, "it is done"
        )
        assert facts.step == 4 and facts.exit_code is None
    finally:
        writer.kill()
        writer.wait()
    rig.client.delete_run(run_id)
    assert log.exists()


def test_wandb_rows_of_a_run_arrive_and_say_where_they_are_from(rig: CoreRig) -> None:
    log, folder = rig.folder / "a.log", rig.folder / "wb" / "offline-run-1"
    log.write_text("Overriding: depth = 4\ntraining\n")
    folder.mkdir(parents=True)
    (folder / "run-x.wandb").write_bytes(gzip.decompress(DATA.read_bytes()))
    wish = AdoptRun(str(log), wandb_dir=str(folder.parent))
    run_id = rig.client.ask(calls.adopt(wish)).facts.id
    assert rig.client.run(run_id).record.config == {"depth": 4}, "as its log prints it"

    def losses() -> int:
        return sum(m.count for m in rig.client.metrics(run_id) if m.name == "train/loss")

    until(lambda: losses() == 40, "all rows arrive")
    assert {m.name: m.last for m in rig.client.metrics(run_id)}["train/loss"] == 390
    sources = {s.name: s for s in rig.client.ask(calls.sources(run_id))}
    assert sources["wandb"].state.split()[0] in ("live", "stale")
    assert sources["hook"].state == "off"


def test_what_cannot_be_adopted_is_one_clear_line(rig: CoreRig) -> None:
    log = rig.folder / "b.log"
    for wish, message in (
        (AdoptRun(str(log)), "No such file"),
        (AdoptRun(str(rig.folder)), "not a regular file"),
        (AdoptRun(str(rig.folder / "go"), pid=2**22), "no process"),
        (AdoptRun(str(rig.folder / "go"), wandb="x"), "names no run at W&B"),
    ):
        (rig.folder / "go").touch()
        with pytest.raises(UsageError, match=message):
            rig.client.ask(calls.adopt(wish))
    assert rig.client.runs() == []
