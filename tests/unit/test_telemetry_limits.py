"""Alerts by the person's limits: changed while a run goes on, saved, and told to a command."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from nanochat_host.core.alert_command import run_command
from nanochat_host.core.alerting import Alerting
from nanochat_host.core.telemetry.advice import batch_ladder
from nanochat_host.core.telemetry.alerts import ALL_RULES, AlertEngine
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import DEFAULTS, AlertLimits
from nanochat_host.errors import ConfigFileError, RefusedError, UsageError
from nanochat_host.paths import Paths, RunPaths
from nanochat_sdk.data import Event


class Stage:
    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.paths = RunPaths(root)
        self.run = RunTelemetry(self.paths, count(1).__next__, live=True)
        self.engine = AlertEngine()
        self.now = time.time()

    def rows(self, steps: range, **metrics: Callable[[int], float]) -> None:
        with self.paths.events_jsonl.open("a") as file:
            for step in steps:
                row = {name.replace("_", "/", 1): value(step) for name, value in metrics.items()}
                line = {"ts": self.now, "kind": "metric", "step": step, **row}
                file.write(json.dumps(line) + "\n")

    def check(self, limits: AlertLimits = DEFAULTS) -> list[tuple[str, bool]]:
        while self.run.slice():
            pass
        found = self.engine.check(self.run, self.now, None, limits)
        return [(event.fields["rule"], event.fields["active"]) for event in found]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "run")


@pytest.fixture
def alerting(tmp_path: Path) -> Alerting:
    paths = Paths(tmp_path / "home")
    return Alerting(paths, TelemetryHub(paths))


def test_learning_by_heart_is_noticed_and_ends(stage: Stage) -> None:
    stage.rows(range(400), train_loss=lambda s: 4 - s / 200)
    stage.rows(range(400, 401), val_bpb=lambda s: 1.0)
    assert stage.check() == []
    for step in range(500, 1000, 100):
        stage.rows(range(step - 99, step), train_loss=lambda s: 4 - s / 400)
        stage.rows(range(step, step + 1), val_bpb=lambda s: 1.0 + s / 10_000)
    assert stage.check() == [("overfit", True)]
    assert stage.check() == []
    stage.rows(range(1000, 1001), val_bpb=lambda s: 0.9)
    assert stage.check() == [("overfit", False)]


def test_validation_that_rises_with_the_training_loss_is_another_matter(stage: Stage) -> None:
    for step in range(0, 1000, 100):
        stage.rows(range(step, step + 1), val_bpb=lambda s: 1.0 + s / 1000)
        stage.rows(range(step + 1, step + 99), train_loss=lambda s: 2 + s / 1000)
    assert ("overfit", True) not in stage.check()


def test_a_lost_heartbeat_of_wandb_is_told_once_and_ends(stage: Stage) -> None:
    stage.rows(range(3), train_loss=lambda s: 1.0)
    stage.run.outside["wandb"] = heard = Heard(stage.now - 14 * 60)
    assert stage.check() == []
    stage.now += 120
    assert stage.check() == [("wandb_silent", True)] and stage.check() == []
    heard.at = stage.now
    assert stage.check() == [("wandb_silent", False)]


@pytest.mark.parametrize("heard", [Heard(), Heard(1.0, off="the token is refused")])
def test_a_source_that_is_off_is_no_lost_heartbeat(stage: Stage, heard: Heard) -> None:
    stage.rows(range(3), train_loss=lambda s: 1.0)
    stage.run.outside["wandb"] = heard
    assert stage.check() == []


def test_limits_count_at_once_and_a_rule_can_be_silenced(stage: Stage) -> None:
    stage.rows(range(100), train_loss=lambda s: 1.0 + 0.01 * (s % 7))
    stage.rows(range(100, 104), train_loss=lambda s: 1.08)
    assert stage.check() == []
    assert stage.check(AlertLimits(spike=1.5)) == [("spike", True)]
    assert stage.check(AlertLimits(spike=1.5, off=["spike"])) == [("spike", False)]


def test_the_batch_ladder_for_a_run_out_of_memory() -> None:
    hint = batch_ladder({"device_batch_size": 32})
    assert hint == "try --device-batch-size=16, then 8, then 4: the total batch stays the same"
    assert "halve" in batch_ladder({})


def test_changes_are_saved_and_the_file_keeps_its_comments(alerting: Alerting) -> None:
    path = alerting._path
    path.parent.mkdir()
    path.write_text("# mine\n[alerts]\nstall = 20  # slow disk\n")
    alerting.look()
    assert alerting.limits.stall == 20
    alerting.change({"spike": 6, "bell": True, "off": ["slow"]})
    assert alerting.limits.spike == 6 and alerting.limits.off == ["slow"]
    text = path.read_text()
    assert text.startswith("# mine\n") and "# slow disk" in text and "spike = 6" in text
    alerting.change({"spike": None})
    assert alerting.limits.spike == DEFAULTS.spike and "spike" not in path.read_text()


def test_a_file_edited_by_hand_counts_and_a_mistake_in_it_changes_nothing(
    alerting: Alerting,
) -> None:
    path = alerting._path
    path.parent.mkdir()
    for number, text in enumerate(["[alerts]\nslow = 0.5\n", "[alerts]\nslow = 7\n", "[alerts\n"]):
        path.write_text(text)
        os.utime(path, (number + 1, number + 1))
        alerting.look()
        assert alerting.limits.slow == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spkie": 6}, "did you mean `spike`"),
        ({"spike": "high"}, "spike"),
        ({"slow": 1.5}, "slow"),
        ({"off": ["nothing"]}, "no rule `nothing`"),
        ({"command": "notify 'me"}, "close its quotes"),
    ],
)
def test_what_cannot_be_set(alerting: Alerting, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        alerting.change(changes)
    assert alerting.limits == DEFAULTS and not alerting._path.exists()


def test_an_unknown_key_in_the_file_is_named_with_line_and_neighbour(alerting: Alerting) -> None:
    alerting._path.parent.mkdir()
    alerting._path.write_text("[alerts]\nspkie = 3\n")
    with pytest.raises(ConfigFileError, match=r"settings.toml:2.*spkie.*did you mean `spike`"):
        alerting.change({"bell": True})


async def test_the_command_is_told_without_a_shell(tmp_path: Path) -> None:
    code = "import os,sys; print(os.environ['NANOCHAT_ALERT_RULE'], sys.argv[1])"
    command = f'"{sys.executable}" -c "{code}"'
    fields = {"rule": "spike", "message": "loss; rm -rf $(HOME)", "active": True}
    result = await run_command(command, "r1", Event(0.0, "alert", 7, fields))
    assert result.exit_code == 0 and result.output == "spike r1: loss; rm -rf $(HOME)"
    result = await run_command("/no/such/program", "r1", Event(0.0, "alert", 7, fields))
    assert result.exit_code == 127 and "/no/such/program" in result.output


async def test_an_alert_runs_the_command(alerting: Alerting, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    alerting.change({"command": f'{sys.executable} -c \'open("{proof}", "w")\''})
    alerting.start()
    fields = {"rule": "spike", "message": "m", "active": False}
    alerting.raised("r1", Event(0.0, "alert", 7, fields))
    alerting.raised("r1", Event(0.0, "alert", 7, fields | {"active": True}))
    async with asyncio.timeout(30):
        while not proof.exists():
            await asyncio.sleep(0.01)
    await alerting.close()


async def test_without_a_command_there_is_nothing_to_test(alerting: Alerting) -> None:
    with pytest.raises(RefusedError, match="no command"):
        await alerting.test()


def test_every_rule_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    assert all(f"| `{rule}` |" in text for rule in ALL_RULES)


@pytest.mark.parametrize("command", ["echo $NANOCHAT_ALERT_RULE", "mail me > log", "a | b", "a; b"])
def test_a_command_that_wants_a_shell_is_refused_with_one_that_has_it(
    alerting: Alerting, command: str
) -> None:
    with pytest.raises(UsageError, match="no shell runs") as told:
        alerting.change({"command": command})
    assert told.value.hint == f"sh -c '{command}'"
    assert alerting.change({"command": told.value.hint}).command == told.value.hint
