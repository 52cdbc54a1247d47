"""A replay keeps the order of what it plays, however fast."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nanochat_host.core.recording import Recording
from nanochat_host.core.replayer import play
from nanochat_host.paths import Paths


@pytest.mark.parametrize("speed", [0.0, 1e4])
def test_events_keep_their_order_and_have_a_date_each(tmp_path: Path, speed: float) -> None:
    lines = [{"ts": 1e9 + n * 3e-5, "kind": "span", "name": f"s{n}"} for n in range(700)]
    source = tmp_path / "events.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = Paths(tmp_path).run("replayed")
    run.root.mkdir(parents=True)
    play(Recording([source], {}), run, speed)
    played = [json.loads(line) for line in run.events_jsonl.read_text().splitlines()]
    assert [row["name"] for row in played] == [line["name"] for line in lines]
    times = [row["ts"] for row in played]
    assert times == sorted(set(times))
