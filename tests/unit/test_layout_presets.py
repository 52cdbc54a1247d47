"""The layouts that come with the program show real panels at every size people have."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.layout.load import load_layout
from nanochat_host.layout.place import is_narrow, place
from nanochat_host.packs.catalog import Catalog
from nanochat_host.ui.render.frame import body_size

LAYOUTS = Path(__file__).parents[2] / "layouts"
CHROME = 4
"""Lines that are not panels: tabs, keys, health, status."""


def test_there_is_one_for_each_role() -> None:
    assert {"researcher", "operator", "minimal"} <= {file.stem for file in LAYOUTS.glob("*.toml")}


SIZES = [(80, 24), (120, 40), (200, 60)]
CASES = [
    (file, *size)
    for file in sorted(LAYOUTS.glob("*.toml"))
    for size in SIZES
    if file.stem != "wide" or size[0] >= 200  # made for 200 columns, as its name says
]


@pytest.mark.parametrize(
    ("file", "width", "height"), CASES, ids=lambda value: getattr(value, "stem", None)
)
def test_no_panel_is_too_small_to_show_anything(file: Path, width: int, height: int) -> None:
    catalog = Catalog.discover().manifests
    narrow = is_narrow(width)
    for screen in load_layout(file, catalog).screens:
        # A column goes to the scroll bar where panels reach below the screen.
        boxes = place(screen, width - narrow, height - CHROME, narrow=narrow)
        for panel, box in zip(screen.panels, boxes, strict=True):
            inner = body_size(box.width, box.height, boxed=not narrow)
            least = catalog[panel.panel].min_size
            assert inner[0] >= least[0] and inner[1] >= least[1], (screen.id, panel.id, inner)
