"""No data makes a built-in panel raise, or answer what the host would refuse, at any size."""

from __future__ import annotations

import pytest
from nanochat_sdk.testing import FUZZ_SIZES, fuzz_panel
from panel_cases import driver, manifest

PANELS = manifest().panels
OPTIONS = {
    "loss": [{"smoothing": 0.0, "x": "time", "log_y": True, "envelope": False}, {"val": False}],
    "progress": [{"cost_per_hour": 24.0, "pipeline": False}],
    "metrics": [{"metrics": ["*"], "right": ["val/*"], "smoothing": 0.5, "limits": "1,x,,nan"}],
    "validation": [{"rows": 200}],
    "timers": [{"window": 0}],
    "log": [{"search": "[/]", "level": "error"}],
    "gpu": [{"gpu": 11}],
    "overview": [{"highlights": " , depth,,"}],
}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.id)
def test_hostile_data_at_every_size(panel: object) -> None:
    built = driver(panel.id)  # type: ignore[attr-defined]
    for options in [{}, *OPTIONS.get(built.manifest.id, [])]:  # type: ignore[union-attr]
        frames = fuzz_panel(type(built.panel), options, built.manifest)
        assert frames > 40 * len(FUZZ_SIZES)
