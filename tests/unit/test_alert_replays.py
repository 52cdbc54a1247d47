"""Alerts on runs that really happened: their logs again, line by line, at the pace they had."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path

import pytest
from nanochat_host.core.telemetry.alerts import ALL_RULES, AlertEngine
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.paths import RunPaths
from nanochat_host.ui.alerts_view import RULES
from nanochat_sdk.data import Event

LOGS = Path(__file__).parents[1] / "data" / "logs"
STEP = re.compile(r"step (\d+).* loss: (\S+) .*dt: ([\d.]+)ms(?:.*tok/sec: ([\d,]+))?")
EVAL = re.compile(r"Step (\d+) \| Validation bpb: (\S+)")
BEGAN = 1_000_000.0


class Replay:
    """A live run that is fed a log as the hook would report it, each step when it was over. The
    engine looks once a second, as the core does."""

    def __init__(self, root: Path, limits: AlertLimits | None = None) -> None:
        root.mkdir()
        self.paths = RunPaths(root)
        self.run = RunTelemetry(self.paths, count(1).__next__, live=True)
        self.engine, self.limits = AlertEngine(), limits or AlertLimits()
        self.now = BEGAN
        self.fired: list[Event] = []

    def look(self, disk_free: float = 1e12) -> None:
        while self.run.slice():
            pass
        self.fired += self.engine.check(self.run, self.now, disk_free, self.limits)

    def write(self, kind: str, step: int | None, **fields: object) -> None:
        with self.paths.events_jsonl.open("a") as file:
            file.write(json.dumps({"ts": self.now, "kind": kind, "step": step, **fields}) + "\n")

    def log(self, name: str) -> Replay:
        for line in (LOGS / f"{name}.log").read_text(errors="replace").splitlines():
            if found := STEP.match(line):
                step, loss, dt_ms, tokens = found.groups()
                self._wait(float(dt_ms) / 1000)
                row = {"train/loss": float(loss) if loss != "nan" else "nan"}
                if tokens:
                    row["train/tok_per_sec"] = float(tokens.replace(",", ""))
                self.write("metric", int(step), **row)
            elif found := EVAL.match(line):
                self.write("metric", int(found[1]), **{"val/bpb": float(found[2])})
            self.look()
        return self

    def _wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now + 1.0 < end:
            self.now += 1.0
            self.look()
        self.now = end

    def raised(self) -> dict[str, Event]:
        """Alerts by rule, each where it was raised first."""
        begun = [event for event in self.fired if event.fields["active"]]
        return {event.fields["rule"]: event for event in reversed(begun)}


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay(tmp_path / "run")


@pytest.mark.parametrize("name", ["base_train_d2_resume40", "hook_base_train_2rank_gloo"])
def test_runs_that_went_well_raise_nothing(replay: Replay, name: str) -> None:
    assert replay.log(name).raised() == {}


def test_a_fine_tuning_that_went_nan_and_slow(replay: Replay) -> None:
    raised = replay.log("chat_sft_nan_long_conversations").raised()
    assert raised["not_finite"].step == 4 and "--max-seq-len" in raised["not_finite"].fields["hint"]
    assert "throughput fell to" in raised["slow"].fields["message"]
    assert set(raised) == {"not_finite", "slow"}


def test_a_step_that_took_six_minutes(replay: Replay) -> None:
    raised = replay.log("megacontext_stalled").raised()
    stalled = raised["stalled"]
    assert stalled.step == 9 and "no step for 3" in stalled.fields["message"]
    ended = [e for e in replay.fired if e.fields["rule"] == "stalled" and not e.fields["active"]]
    assert len(ended) == 1 and ended[0].ts - stalled.ts > 300


def test_a_run_that_slows_down_and_gets_worse(tmp_path: Path) -> None:
    usual = Replay(tmp_path / "a").log("megacontext_slows").raised()
    assert usual["slow"].step == 25 and "overfit" not in usual, "three evaluations are too few"
    strict = Replay(tmp_path / "b", AlertLimits(overfit=2)).log("megacontext_slows").raised()
    assert "best at step 0 (3.7116)" in strict["overfit"].fields["message"]


def test_an_evaluation_that_measures_nothing(replay: Replay) -> None:
    replay.write("metric", 20, **{"val/bpb": "inf"})
    replay.look()
    assert "--eval-tokens" in replay.raised()["not_finite"].fields["hint"]


def test_what_no_log_of_ours_holds(replay: Replay) -> None:
    """Disk, memory of a GPU, W&B, late checkpoints: as hook, shim and core write them."""
    replay.write("state", None, what="loop_start", facts={}, args={"save_every": 10})
    for step in range(30):
        replay.now += 1.0
        replay.write("metric", step, **{"train/loss_raw": 3.0 - step / 100})
    replay.run.outside["wandb"] = Heard(at=replay.now - 20 * 60)
    replay.look(disk_free=2 * 2**30)
    assert set(replay.raised()) == {"disk_low", "checkpoint_late", "wandb_silent"}
    replay.write("state", 29, what="error", type="OutOfMemoryError", message="CUDA out of memory.")
    replay.look(disk_free=2 * 2**30)
    assert replay.raised()["out_of_memory"].fields["severity"] == "error"


def test_every_rule_is_explained_on_the_alert_screen() -> None:
    assert set(RULES) == set(ALL_RULES)
