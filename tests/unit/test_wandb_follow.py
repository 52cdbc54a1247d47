"""Following one run's W&B file: what is known of the source by the time its rows are."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nanochat_host.core.telemetry import journal
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.wandb_follow import WandbFollow

DATA = Path(__file__).parents[1] / "data" / "wandb" / "offline.wandb.gz"


async def test_a_source_is_heard_of_before_its_rows_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever sees the first rows of a run is told that their source is off."""
    file = tmp_path / "wandb" / "offline-run-1" / "run-x.wandb"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.decompress(DATA.read_bytes()))
    told: dict[str, float] = {}
    written: list[tuple[int, float]] = []

    def hear(run_id: str, source: str, heard: Heard) -> None:
        told[source] = heard.at

    def append(paths: object, rows: list[dict[str, Any]]) -> None:
        written.append((len(rows), told.get("wandb", 0.0)))

    monkeypatch.setattr(journal, "append_rows", append)
    paths = SimpleNamespace(root=tmp_path, outside_json=tmp_path / "outside.json")
    record = SimpleNamespace(adopted_log="")
    run: Any = SimpleNamespace(id="r-1", paths=paths, record=record, step=None)
    hub: Any = SimpleNamespace(hear=hear, last_step=lambda run_id, name: -1)
    secrets: Any = None  # nothing is asked online
    await WandbFollow(run, hub, secrets).look()
    assert sum(rows for rows, _ in written) >= 40
    assert [at for _, at in written] == [file.stat().st_mtime] * len(written)
