"""The rules of the MegaContext pack, on what the fork really printed and sent."""

from __future__ import annotations

import json
import os
from itertools import count
from pathlib import Path

import pytest
from mc_cases import CAPTURES, PACK, manifest, rows
from nanochat_host.core.telemetry.alerts import AlertEngine
from nanochat_host.core.telemetry.mappings import compile_mappings
from nanochat_host.core.telemetry.rules_packs import pack_rules
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.paths import RunPaths
from nanochat_sdk.manifest import read_declarations

NOW = 1_795_309_500.0
"""Minutes after the captured logs date themselves."""


class Judged:
    """A live run that the pack's rules look at."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.paths = RunPaths(root)
        self.paths.out_log.touch()
        told = [("mc", read_declarations(manifest(), PACK.parent))]
        self.rules = pack_rules(told)
        mappings, _ = compile_mappings(told)
        self.run = RunTelemetry(self.paths, count(1).__next__, live=True, mappings=mappings)
        self.engine = AlertEngine()

    def fired(self) -> dict[str, str]:
        """What the rules say now, by rule."""
        os.utime(self.paths.out_log, (NOW, NOW))
        while self.run.slice():
            pass
        found = self.engine.check(self.run, NOW, None, AlertLimits(), self.rules)
        return {
            event.fields["rule"].removeprefix("mc:"): event.fields["message"]
            for event in found
            if event.fields["active"] and event.fields["rule"].startswith("mc:")
        }

    def metric(self, name: str, *values: float) -> dict[str, str]:
        """Report a metric step by step."""
        with self.paths.events_jsonl.open("a") as file:
            for step, value in enumerate(values):
                row = f'{{"ts": {1e9 + step}, "kind": "metric", "step": {step}, "{name}": {value}}}'
                file.write(row + "\n")
        return self.fired()


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return Judged(tmp_path / "run")


def test_the_run_that_hung_is_a_livelock(judged: Judged) -> None:
    judged.paths.out_log.write_bytes((CAPTURES / "livelock.txt").read_bytes())
    assert judged.fired() == {
        "livelock": "the controller took 195,138 ms for one step",
        "batch-changed": "the device batch was changed from 2 to 1",
    }


def test_the_run_that_learnt_to_copy_has_a_large_delta(judged: Judged) -> None:
    lines = [json.dumps(row) for row in rows("train")]
    judged.paths.events_jsonl.write_text("\n".join(lines) + "\n")
    (said,) = judged.fired().items()
    assert said == ("delta-nll", "compressed contexts predict 2.684 nats a token worse")


def test_a_controller_error(judged: Judged) -> None:
    line = "[MegaContext] controller error at step 3: Working context coverage mismatch\n"
    judged.paths.out_log.write_text(line)
    assert judged.fired() == {
        "controller-error": "controller error: Working context coverage mismatch"
    }


@pytest.mark.parametrize(
    ("rule", "metric", "quiet", "loud"),
    [
        ("lens-off", "mc/lens_loss", (0.3, *[0.0] * 9), [0.0] * 5),
        ("utilization", "mc/utilization", [1.0] * 9, [1.01]),
        ("swap-rate", "mc/swap_per_entry", (*[0.2] * 7, 0.05), [0.2] * 8),
        ("delta-nll", "mc/adv_delta_mean", (*[0.3] * 9, 0.1), [0.2] * 10),
        ("preference", "mc/preference_corr_mean", (*[0.4] * 9, -0.5), [0.4] * 10),
        ("no-variants", "mc/variants_total", (0, 0, 6), [0, 0, 0]),
    ],
)  # fmt: skip
def test_a_limit_and_what_it_lets_pass(
    tmp_path: Path, rule: str, metric: str, quiet: tuple[float, ...], loud: list[float]
) -> None:
    assert Judged(tmp_path / "quiet").metric(metric, *quiet) == {}
    assert list(Judged(tmp_path / "loud").metric(metric, *loud)) == [rule]
