"""The MegaContext pack in real workers behind their walls: found as a folder, drawn the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.offline import render
from nanochat_sdk import Data
from nanochat_sdk.plaintext import to_text
from nanochat_sdk.testing import EPOCH, PanelDriver, data, points, run_facts, series

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from mc_cases import PACK, PANELS, focus, snapshot

sys.path.pop(0)

CATALOG = Catalog.discover([PACK.parent])
LODS = [(index // 7) % 3 for index in range(2800)]
POSITIONS = [sum(32**lod for lod in LODS[:index]) for index in range(len(LODS))]
METRICS = {
    "mc/adv_delta_mean": 0.2, "mc/lod_loss/0": 2.5, "mc/lod_loss/1": 2.9, "mc/total_ms": 90.0,
    "mc/build_ms": 60.0, "mc/lens_calls": 2.0, "mc/last_position": 900_000.0,
}  # fmt: skip
SENT = data(
    *(series(name, [value] * 400) for name, value in METRICS.items()),
    run=run_facts(), config={"mc_enabled": 1, "mc_log_timers": 1, "block_size": 32},
    latest=points(**METRICS),
    events=[*focus(EPOCH + 9, 3, 2), *(snapshot(EPOCH + i, LODS, POSITIONS) for i in range(8))],
)  # fmt: skip


def test_the_folder_is_a_pack_of_nine_panels() -> None:
    assert {name for name in CATALOG.panels if name.startswith("mc:")} == {
        f"mc:{panel}" for panel in PANELS
    }
    assert not CATALOG.errors


@pytest.mark.parametrize("panel_id", PANELS)
async def test_a_panel_draws_in_a_worker(panel_id: str) -> None:
    """Contexts of 2,800 entries among the data: they fit into a frame."""
    entry = CATALOG.panels[f"mc:{panel_id}"]
    assert "waiting" in to_text(await render(entry, {}, Data(), 40, 8), 40, 8)
    panel = PanelDriver.from_pack(PACK, panel_id)
    panel.feed(SENT)
    shown = to_text(await render(entry, {}, SENT, 100, 30), 100, 30)
    assert shown == panel.text(100, 30)
    assert shown.strip()
