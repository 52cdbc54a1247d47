"""Alerts: raised when something is wrong, ended when it is over, said once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from nanochat_host.core.telemetry.advice import hint_for
from nanochat_host.core.telemetry.alerts import COOLDOWN_S, AlertEngine
from nanochat_host.core.telemetry.rules import DISK_ERROR_BYTES, DISK_FULL_BYTES
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import DEFAULTS
from nanochat_host.paths import RunPaths
from nanochat_sdk.data import Event

LOGS = Path(__file__).parents[1] / "data" / "logs"
Value = float | str

DISK_WARN_BYTES = DEFAULTS.disk_low_gib * 2**30


class Stage:
    """A live run, written to as the hook and the shim would."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.paths = RunPaths(root)
        self.run = RunTelemetry(self.paths, count(1).__next__, live=True)
        self.engine = AlertEngine()
        self.now = time.time() - 10_000
        self.step = 0

    def write(self, kind: str, **fields: object) -> None:
        with self.paths.events_jsonl.open("a") as file:
            file.write(json.dumps({"ts": self.now, "kind": kind, **fields}) + "\n")

    def steps(self, number: int, loss: Callable[[int], Value], tok_per_sec: float = 1e5) -> None:
        for _ in range(number):
            self.now += 1.0
            row = {"train/loss_raw": loss(self.step), "train/tok_per_sec": tok_per_sec}
            self.write("metric", step=self.step, **row)
            self.step += 1

    def check(self, disk_free: float | None = None) -> list[tuple[str, bool]]:
        while self.run.slice():
            pass
        found = self.engine.check(self.run, self.now, disk_free)
        assert all(e.kind == "alert" and e.fields["message"] for e in found)
        return [(e.fields["rule"], e.fields["active"]) for e in found]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "run")


def noisy(step: int) -> float:
    return 3.0 - step * 1e-4 + (step * 7919 % 100) * 1e-3


def test_a_quiet_run_raises_nothing(stage: Stage) -> None:
    for _ in range(20):
        stage.steps(50, noisy)
        assert stage.check(disk_free=1e12) == []


@pytest.mark.parametrize("word", ["nan", "inf"])
def test_a_loss_that_is_no_number(stage: Stage, word: str) -> None:
    stage.steps(10, noisy)
    assert stage.check() == []
    stage.steps(1, lambda _: word)
    assert stage.check() == [("not_finite", True)]
    assert "since step 10" in stage.engine.active["not_finite"].message
    for _ in range(50):
        stage.steps(1, lambda _: word)
        assert stage.check() == [], "one alert, no storm"
    stage.steps(1, noisy)
    assert stage.check() == [("not_finite", False)]
    stage.steps(1, lambda _: word)
    assert stage.check() == [], "not again at once"
    stage.now += COOLDOWN_S
    stage.steps(1, lambda _: word)
    assert stage.check() == [("not_finite", True)]


def test_a_clock_set_back_silences_nothing(stage: Stage) -> None:
    for loss in ("nan", 3.0):
        stage.steps(1, lambda _, loss=loss: loss)
        assert stage.check()
    stage.now -= 3600.0
    stage.steps(1, lambda _: "nan")
    assert stage.check() == [("not_finite", True)]


def test_the_captured_run_that_went_nan(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "run")
    log = LOGS / "chat_sft_nan_long_conversations.log"
    stage.paths.out_log.write_bytes(log.read_bytes())
    assert ("not_finite", True) in stage.check()
    finding = stage.engine.active["not_finite"]
    assert finding.severity == "error" and "since step 4" in finding.message
    assert "max-seq-len" in finding.hint


def test_a_spike_and_its_end(stage: Stage) -> None:
    stage.steps(100, noisy)
    stage.steps(1, lambda _: 3.25)
    assert stage.check() == [], "high, but within eight deviations"
    stage.steps(1, lambda _: 3.6)
    assert stage.check() == [("spike", True)]
    stage.steps(10, noisy)
    assert stage.check() == [("spike", False)]


def test_a_falling_loss_is_no_spike(stage: Stage) -> None:
    for _ in range(10):
        stage.steps(20, lambda step: 10.0 * 0.97**step)
        assert stage.check() == []


def test_a_stall(stage: Stage) -> None:
    stage.steps(20, noisy)
    stage.now += 25
    assert stage.check() == []
    stage.now += 10
    assert stage.check() == [("stalled", True)]
    stage.steps(1, noisy)
    assert stage.check() == [("stalled", False)]


def test_a_paused_run_does_not_stall(stage: Stage) -> None:
    stage.steps(20, noisy)
    stage.write("state", what="paused", id="c1")
    stage.now += 1000
    assert stage.check() == []


def test_an_ended_run_does_not_stall(stage: Stage) -> None:
    stage.steps(20, noisy)
    stage.now += 100
    assert stage.check() == [("stalled", True)]
    stage.run.live = False
    assert stage.check() == [("stalled", False)]


def test_throughput_that_falls_and_recovers(stage: Stage) -> None:
    stage.steps(300, noisy, 1e5)
    assert stage.check() == []
    stage.steps(16, noisy, 4e4)
    assert stage.check() == [("slow", True)]
    stage.steps(10, noisy, 7e4)
    assert stage.check() == [], "better, but not well"
    stage.steps(16, noisy, 1e5)
    assert stage.check() == [("slow", False)]


def test_a_disk_that_fills(stage: Stage) -> None:
    stage.steps(5, noisy)
    assert stage.check(disk_free=DISK_WARN_BYTES + 1) == []
    assert stage.check(disk_free=DISK_WARN_BYTES - 1) == [("disk_low", True)]
    assert stage.check(disk_free=DISK_WARN_BYTES * 1.1) == [], "no flutter at the threshold"
    assert stage.check(disk_free=DISK_WARN_BYTES * 2) == [("disk_low", False)]


def test_a_full_disk_comes_before_other_trouble(stage: Stage) -> None:
    stage.steps(10, noisy)
    assert stage.engine.gravest() == ""
    assert stage.check(disk_free=DISK_FULL_BYTES - 1) == [("disk_full", True), ("disk_low", True)]
    assert stage.engine.gravest() == "disk full"
    assert stage.check(disk_free=DISK_FULL_BYTES * 2) == [("disk_full", False)]
    assert stage.engine.gravest() == "disk low"


def test_a_disk_too_small_for_the_next_checkpoint(stage: Stage) -> None:
    stage.write("checkpoint", step=1, dir="/x", tag="d", files={"model": 9 * 2**30}, ok=True)
    assert stage.check(disk_free=17 * 2**30) == [("disk_low", True)]
    assert stage.engine.active["disk_low"].severity == "warning"
    assert DISK_ERROR_BYTES < DISK_WARN_BYTES


def test_out_of_memory_says_what_to_do(stage: Stage) -> None:
    stage.write(
        "state", what="error", type="OutOfMemoryError", message="CUDA out of memory. Tried to"
    )
    assert stage.check() == [("out_of_memory", True)]
    assert "halve --device-batch-size" in stage.engine.active["out_of_memory"].hint
    assert stage.check() == []


def test_out_of_memory_names_the_ladder_of_smaller_batches(stage: Stage) -> None:
    stage.paths.out_log.write_text("Tokens / micro-batch / rank: 32 x 2048 = 65,536\n")
    stage.check()
    stage.write("state", what="error", type="OutOfMemoryError", message="CUDA out of memory")
    stage.check()
    hint = stage.engine.active["out_of_memory"].hint
    assert "--device-batch-size=16, then 8, then 4" in hint


def test_an_exit_code_is_a_failure_and_a_stop_is_not(stage: Stage) -> None:
    stage.write("state", what="stage_end", index=0, exit_code=None, signal=15)
    stage.write("state", what="stage_end", index=0, exit_code=None, signal=9, asked="SIGKILL")
    assert stage.check() == []
    stage.write("state", what="stage_end", index=0, exit_code=3, signal=0)
    assert stage.check() == [("failed", True)]


def test_a_run_that_was_lost_is_told_with_its_reason(stage: Stage) -> None:
    stage.write("state", what="lost", reason="the machine was restarted while it ran")
    assert stage.check() == [("failed", True)]
    assert stage.engine.active["failed"].message == "the machine was restarted while it ran"


@pytest.mark.parametrize("name", ["err_batch_divide", "err_no_data", "resume_ws2_of_ws1"])
def test_failures_of_captured_logs(stage: Stage, name: str) -> None:
    stage.paths.out_log.write_bytes((LOGS / f"{name}.log").read_bytes())
    assert stage.check() == [], "it may have been caught: the run goes on"
    stage.write("state", what="stage_end", index=0, exit_code=1, signal=0)
    assert ("failed", True) in stage.check()
    assert "ChildFailedError" not in stage.engine.active["failed"].message


def test_a_script_that_refuses_to_start(stage: Stage) -> None:
    stage.paths.out_log.write_text("error: no tokenizer at base/tokenizer/tokenizer.pkl\n")
    stage.write("state", what="end", exit_code=1)
    assert stage.check() == [("failed", True)]
    finding = stage.engine.active["failed"]
    assert "no tokenizer" in finding.message and "tok_train" in finding.hint


def test_a_late_checkpoint(stage: Stage) -> None:
    stage.write("state", what="loop_start", facts={}, args={"save_every": 10})
    stage.steps(21, noisy)
    assert stage.check() == []
    stage.steps(1, noisy)
    assert stage.check() == [("checkpoint_late", True)]
    stage.write("checkpoint", step=21, dir="/x", tag="d", files={}, ok=True)
    assert stage.check() == [("checkpoint_late", False)]


def test_what_an_earlier_core_said_is_not_said_again(stage: Stage) -> None:
    stage.steps(3, lambda _: "nan")
    while stage.run.slice():
        pass
    said = stage.engine.check(stage.run, stage.now, None)
    assert AlertEngine(said).check(stage.run, stage.now, None) == []
    ended = Event(ts=1.0, kind="alert", fields={"rule": "not_finite", "active": False})
    assert len(AlertEngine([*said, ended]).check(stage.run, stage.now, None)) == 1


def test_unknown_errors_point_at_the_log() -> None:
    assert "log" in hint_for("ValueError: never seen")
