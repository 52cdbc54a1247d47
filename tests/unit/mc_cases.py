"""Real captures of MegaContext runs, read as the core reads them with the pack's declarations.

Spans and logs are those of runs on a CPU: 30 training steps; inference with the allocator attached;
a run without --mc_log_timers; one that hung in its controller.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.mappings import compile_mappings
from nanochat_host.core.telemetry.otlp_decode import Span
from nanochat_host.core.telemetry.otlp_rows import span_row
from nanochat_host.core.telemetry.rules_packs import pack_rules
from nanochat_host.core.wire import QueryItem
from nanochat_host.paths import Paths
from nanochat_sdk import Data, Event, Needs
from nanochat_sdk.manifest import PackManifest, read_declarations, read_manifest
from nanochat_sdk.testing import PanelDriver, run_facts

ROOT = Path(__file__).parents[2]
PACK = ROOT / "mc_plugin/src/nanochat_mc/pack.toml"
CAPTURES = ROOT / "tests/data/megacontext"
STARTED = 1_795_309_170.0
ENDED = 1_795_312_400.0
CONFIG = {
    "mc_enabled": 1, "mc_log_timers": 1, "allocator_soft_max": 512,
    "allocator_recent_tokens": 64, "mc_log_lod_ascii_train": 1, "mc_lens_loss_weight": 0.1,
    "allocator_iterations": 2, "mc_infer_refocus_interval": 32,
}  # fmt: skip
PANELS = (
    "overview", "lod", "allocator", "residency", "delta_nll", "lod_loss", "timers", "lens",
    "health",
)  # fmt: skip


def manifest() -> PackManifest:
    """The pack's."""
    return read_manifest(PACK)


def driver(panel_id: str, **options: Any) -> PanelDriver:
    """A panel of the pack, ready to be fed."""
    return PanelDriver.from_pack(PACK, panel_id, options)


def rows(capture: str) -> list[dict[str, Any]]:
    """Captured spans as lines of events.jsonl."""
    with gzip.open(CAPTURES / f"{capture}.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [
        span_row(
            Span(
                one["name"], one["start_ns"] / 1e9, (one["end_ns"] - one["start_ns"]) / 1e6,
                {"service.name": one["service"]}, one["attributes"],
            )
        )
        for one in found
    ]  # fmt: skip


class Core:
    """The core's telemetry over captures, with or without the pack."""

    def __init__(self, spans: tuple[str, ...] = (), log: str = "", *, pack: bool = True) -> None:
        self._folder = tempfile.TemporaryDirectory()
        paths = Paths(Path(self._folder.name))
        run = paths.run("captured")
        run.root.mkdir(parents=True)
        lines = [row for name in spans for row in rows(name)]
        run.events_jsonl.write_text("".join(json.dumps(row) + "\n" for row in lines))
        if log:
            run.out_log.write_bytes((CAPTURES / log).read_bytes())
            os.utime(run.out_log, (STARTED + 180, STARTED + 180))
        self._loop = asyncio.new_event_loop()
        self.hub = TelemetryHub(paths)
        if pack:
            told = [("mc", read_declarations(manifest(), PACK.parent))]
            mappings, lost = compile_mappings(told)
            assert not lost
            self.hub.use(mappings, pack_rules(told))
        self._loop.run_until_complete(self._load(run))

    async def _load(self, run: Any) -> None:
        await self.hub.start()
        self.hub.follow(run, live=False)
        async with asyncio.timeout(60.0):
            while not self.hub.is_settled("captured"):
                await asyncio.sleep(0.005)

    def close(self) -> None:
        """Stop, and remove what was written."""
        self._loop.run_until_complete(self.hub.stop())
        self._loop.close()
        self._folder.cleanup()

    def answer(
        self, needs: Needs, granted: list[str], *, config: dict[str, Any] = CONFIG, **facts: Any
    ) -> Data:
        """What a panel is sent half a minute after the last span."""
        run = run_facts(
            id="captured", state="done", started_at=STARTED, ended_at=ENDED, step=30,
            **({"sources": {"otlp": "live", "log": "live"}} | facts),
        )  # fmt: skip
        item = QueryItem(needs=needs, granted=granted)
        raw = self.hub.query("captured", [item], run, config).answers[0].data
        assert raw is not None
        data = msgspec.msgpack.decode(raw, type=Data)
        return msgspec.structs.replace(data, now=ENDED + 30)

    def feed(self, panel: PanelDriver, **parts: Any) -> PanelDriver:
        """Feed a panel what it asks for, twice: its needs may follow from the first answer."""
        assert panel.manifest is not None
        granted = [str(capability) for capability in panel.manifest.capabilities]
        for _ in range(2):
            panel.feed(self.answer(panel.needs, granted, **parts))
        return panel


def cores(*made: Core) -> Iterator[tuple[Core, ...]]:
    """For a fixture: they are closed after the tests."""
    try:
        yield made
    finally:
        for core in made:
            core.close()


def snapshot(ts: float, lods: Any, positions: Any, **fields: Any) -> Event:
    """A `working_context_snapshot` as the fork sends it."""
    told = {"mc.lods": json.dumps(lods), "mc.positions": json.dumps(positions)}
    return span("working_context_snapshot", ts, **{**told, "mc.tag": "inference_update", **fields})


def span(name: str, ts: float, **fields: Any) -> Event:
    """A span of an inference session."""
    return Event(
        ts=ts, kind="span", fields={"name": name, "mc.session_id": "infer_a", "ms": 0.03, **fields}
    )


def focus(ts: float, expand: int, collapse: int, *, asked: int = 2, **fields: Any) -> list[Event]:
    """The two spans of an inference step. asked: calls of the lens, 0 for a repeated step."""
    told = {
        "mc.num_expand": expand, "mc.num_collapse": collapse, "mc.wc_length": 600,
        "mc.swap_rate": (expand + collapse) / 600, "mc.utilization": 0.2,
        "mc.residency_mean": 102.0, "mc.residency_p95": 340.0,
    }  # fmt: skip
    return [
        span("focus_allocator", ts, **{**told, **fields}),
        span("lensnet_usage", ts + 0.001, **{"mc.allocator_calls": asked}),
    ]
