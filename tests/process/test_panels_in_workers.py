"""The built-in panels in real workers: the same picture as in process, within the limits."""

from __future__ import annotations

import pytest
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.offline import render
from nanochat_sdk import Data
from nanochat_sdk.plaintext import to_text
from nanochat_sdk.testing import data, points, run_facts, series

CATALOG = Catalog.discover([])
PANELS = sorted(CATALOG.panels)
RUN = run_facts()
SENT = data(
    series("train/loss_raw", [3.0 - i / 500 for i in range(400)]),
    series("train/tok_per_sec", [1e6] * 400),
    run=RUN,
    latest=points(train__loss_raw=2.2, train__tok_per_sec=1e6, sys__cpu=20.0),
)


def test_the_pack_is_found_with_its_fourteen_panels() -> None:
    assert len(PANELS) == 14
    assert not CATALOG.errors


@pytest.mark.parametrize("name", PANELS)
async def test_a_panel_draws_in_a_worker(name: str) -> None:
    entry = CATALOG.panels[name]
    nothing = to_text(await render(entry, {}, Data(), 40, 8), 40, 8)
    assert "waiting" in nothing
    shown = to_text(await render(entry, {}, SENT, 60, 12), 60, 12)
    assert shown.strip()
    assert shown != to_text(await render(entry, {}, Data(), 60, 12), 60, 12)
