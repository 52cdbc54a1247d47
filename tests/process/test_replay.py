"""A recorded run played again as a run: a log and spans, through a pack's declarations."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cli_rig import Program
from core_rig import until
from nanochat_host.core.client import CoreClient
from nanochat_host.core.recording import Recording
from nanochat_host.core.replay import Replay
from nanochat_host.core.wire import QueryItem
from nanochat_host.errors import NotFoundError, UsageError
from nanochat_host.paths import Paths
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import Data, Needs, SeriesQuery

STEPS = 12
EVERYTHING = [str(c) for c in Capability]
PACK = """
id = "mc"
version = "1"
protocol = 1
title = "MC"
[[telemetry.logs]]
line = "[T] build={mc/build_ms:float}ms"
step = "next"
[[telemetry.spans]]
span = "delta_nll"
metrics = { "mc.mean" = "mc/delta" }
[[alerts]]
id = "high"
metric = "mc/delta"
value = 5.0
title = "delta is {value}"
[[alerts]]
id = "error"
log = "[X] controller error: {what:text}"
title = "failed: {what}"
"""


def log(dt_ms: float) -> str:
    lines = ["Overriding: run = mine\n"]
    for s in range(STEPS):
        lines.append(f"[T] build={s}.5ms\n")
        lines.append(
            f"step {s:05d}/{STEPS:05d} ({100 * s / STEPS:.2f}%) | loss: {4 - s / 10:.6f} | "
            f"lrm: 1.00 | dt: {dt_ms:.2f}ms | tok/sec: 1,000 | mfu: 0.00 | total time: 0.01m\n"
        )
    return "".join([*lines, "[X] controller error: boom\n"])


def span(step: int, run: str = "mine", at_s: float = 0.0) -> str:
    start = int((1.7e9 + at_s) * 1e9)
    row = {
        "name": "delta_nll", "start_ns": start, "end_ns": start + 34_000,
        "resource": {"run.id": run, "service.name": "train"},
        "attributes": {"mc.session_id": f"train_step_{step}", "mc.mean": float(step)},
    }  # fmt: skip
    return json.dumps(row) + "\n"


class House(Program):
    def __init__(self, root: Path) -> None:
        super().__init__(Paths(root / "home"), root, NANOCHAT_CLI_PACKS=str(root / "packs"))
        self.root = root
        self.pack = root / "packs" / "mc"
        self.pack.mkdir(parents=True)

    def declare(self, text: str) -> None:
        (self.pack / "pack.toml").write_text(text)

    def cli(self, *words: str, code: int = 0) -> str:
        answer = self.run(*words, code=code)
        return answer.err if code else answer.out

    def metrics(self, run_id: str) -> dict[str, Any]:
        return {m.name: m for m in CoreClient(self.paths).metrics(run_id)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("replay"))
    house.declare(PACK)
    (house.root / "train.log").write_text(log(100))
    spans = "".join(span(s, at_s=100 + s / 10) + span(s, "other", s / 10) for s in range(STEPS))
    with gzip.open(house.root / "spans.jsonl.gz", "wt") as file:
        file.write(spans)
    yield house
    house.close()


def alerts(house: House, run_id: str) -> list[tuple[str, str, bool]]:
    events = CoreClient(house.paths).events(run_id, kinds=["alert"])
    return [(e.fields["rule"], e.fields["message"], e.fields["active"]) for e in events]


def test_a_log_and_spans_become_a_run_with_what_packs_declare(house: House) -> None:
    out = house.cli("replay", "train.log", "spans.jsonl.gz", "--speed", "0", "--headless")
    assert "done" in out.splitlines()[-1]
    [row] = json.loads(house.cli("run", "list", "--json"))
    facts, found = row["facts"], house.metrics(row["facts"]["id"])
    assert (facts["state"], facts["exit_code"], row["target"]) == ("done", 0, "replay")
    assert (facts["name"], facts["step"], facts["num_steps"]) == ("train", STEPS - 1, STEPS)
    for name in ("train/loss", "mc/build_ms", "mc/delta"):
        assert (found[name].count, found[name].last) == (STEPS, STEPS - 1), name
    raised = alerts(house, facts["id"])
    assert ("mc:high", "delta is 11", True) in raised
    assert ("mc:error", "failed: boom", True) in raised
    shown = json.loads(house.cli("run", "show", facts["id"], "--json"))
    assert shown["record"]["checkout"] == "" and shown["record"]["steps"][0]["hook"] is False


def test_it_streams_at_its_pace_and_can_be_stopped(house: House) -> None:
    (house.root / "slow.log").write_text(log(20_000))
    started = json.loads(house.cli("replay", "slow.log", "--speed", "10", "--json"))
    run_id = started["facts"]["id"]
    found = until(lambda: (m := house.metrics(run_id)).get("mc/build_ms") and m, "the first steps")
    assert found["mc/build_ms"].count < STEPS
    house.cli("run", "stop", run_id, "--yes")
    states = until(lambda: [
        r for r in CoreClient(house.paths).runs()
        if r.facts.id == run_id and r.facts.state not in ("running", "starting", "stopping")
    ], "it is over")  # fmt: skip
    assert states[0].facts.state == "done"


def test_packs_that_change_count_for_runs_that_are_there(house: House) -> None:
    house.cli("replay", "train.log", "--speed", "0", "--headless", "--name", "again")
    [run_id] = [r.facts.id for r in CoreClient(house.paths).runs() if r.facts.name == "again"]
    assert "mc/build_ms" in house.metrics(run_id)
    before = house.metrics(run_id)["train/loss"]
    house.declare(PACK.replace("mc/build_ms", "mc/other_ms"))
    until(
        lambda: "mc/other_ms" in (m := house.metrics(run_id)) and "mc/build_ms" not in m,
        "the new name in the place of the old",
    )
    house.declare("id = ")
    assert "mc" in house.cli("pack", "list", code=1)

    def undeclared() -> bool:
        """The run was read anew, without what the pack declared."""
        found = house.metrics(run_id)
        return found.get("train/loss") == before and not any(n.startswith("mc/") for n in found)

    until(undeclared, "what a broken pack declared is gone, and nothing else")
    house.declare(PACK)
    until(lambda: "mc/build_ms" in house.metrics(run_id), "it is back")


def test_the_persons_values_are_shown_with_the_packs_rules(house: House) -> None:
    house.cli("alert", "set", "mc:high=7.5")
    shown = json.loads(house.cli("alert", "show", "--json"))
    rules = {rule["rule"]: rule for rule in shown["rules"]}
    assert rules["mc:high"]["value"] == 7.5 and rules["mc:high"]["default"] == 5.0
    assert "mc:high" in house.cli("alert", "show")
    house.cli("alert", "set", "mc:nope=1", code=2)
    house.cli("alert", "reset")
    shown = json.loads(house.cli("alert", "show", "--json"))
    assert [r["value"] for r in shown["rules"] if r["rule"] == "mc:high"] == [5.0]


def test_what_cannot_be_replayed_is_said_in_one_line(house: House) -> None:
    (house.root / "empty.log").write_text("")
    for words in (["nope.log"], ["empty.log"], ["train.log", "--speed", "-1"]):
        said = house.cli("replay", *words, "--detach", code=2).splitlines()
        assert said[0].startswith("nanochat-cli: ") and len(said) <= 2
    house.cli("replay", "train.log", "--only", "x", "--detach", code=2)
    runs = len(CoreClient(house.paths).runs())
    assert "needs a terminal" in house.cli("replay", "train.log", code=2)
    assert len(CoreClient(house.paths).runs()) == runs


def test_files_are_laid_along_one_clock(house: House) -> None:
    recording = Recording([house.root / "train.log", house.root / "spans.jsonl.gz"])
    assert recording.only == {"run.id": "mine"}
    items = list(recording.items())
    assert [i.at_s for i in items] == sorted(i.at_s for i in items) and items[0].at_s >= 0
    lines = {i.step: i.at_s for i in items if i.line and i.step is not None}
    spans = {i.step: i.at_s for i in items if i.row}
    assert len(lines) == len(spans) == STEPS
    assert all(abs(lines[s] - spans[s]) < 0.2 for s in spans)


def test_recorded_events_are_played_without_their_alerts(house: House) -> None:
    rows = [
        {"ts": 5.0, "kind": "metric", "step": 0, "train/loss": 4.0},
        {"ts": 5.5, "kind": "alert", "rule": "spike", "active": True, "message": "old"},
        {"ts": 6.0, "kind": "sample", "text": "once upon"},
    ]
    (house.root / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = json.loads(house.cli("replay", "events.jsonl", "--speed", "0", "--json"))
    client, run_id = CoreClient(house.paths), run["facts"]["id"]
    [sample] = until(lambda: client.events(run_id, kinds=["sample"]), "the sample")
    assert sample.ts > 1e9 and "train/loss" in house.metrics(run_id)
    assert alerts(house, run_id) == []


def test_the_same_without_a_core_for_one_panel(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(house.paths.home))
    monkeypatch.setenv("NANOCHAT_CLI_PACKS", str(house.root / "packs"))
    needs = Needs(
        series=(SeriesQuery("mc/delta"),), latest=("mc/build_ms",), events=("span", "alert"),
        spans=("delta_nll",),
    )  # fmt: skip
    with Replay(house.root / "train.log", house.root / "spans.jsonl.gz") as replay:

        def asked() -> Data:
            answer = replay.query(QueryItem(needs, granted=EVERYTHING)).answers[0]
            return msgspec.msgpack.decode(answer.data or b"", type=Data)

        found = asked()
    assert found.series["mc/delta"].total == STEPS
    assert found.latest["mc/build_ms"].value == STEPS - 0.5
    assert {e.kind for e in found.events} == {"span", "alert"}
    with pytest.raises(NotFoundError):
        Replay(house.root / "nope")
    with pytest.raises(UsageError):
        Replay(house.root / "empty.log")
