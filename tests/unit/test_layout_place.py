"""Panels lie where the grid says, at every size, without overlap."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from nanochat_host.layout.load import load_layout
from nanochat_host.layout.place import Box, is_narrow, neighbour, place
from nanochat_host.layout.spec import At, Placement, ScreenSpec
from nanochat_host.packs.catalog import Catalog

SHIPPED = sorted((Path(__file__).parents[2] / "layouts").glob("*.toml"))
SIZES = [(80, 21), (40, 10), (99, 21), (100, 27), (120, 37), (160, 45), (220, 60), (20, 5)]


def overlap(a: Box, b: Box) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_shipped_layouts_fit_at_every_size(file: Path, width: int, height: int) -> None:
    catalog = {name: entry.panel for name, entry in Catalog.discover().panels.items()}
    for screen in load_layout(file, catalog).screens:
        boxes = place(screen, width, height, narrow=is_narrow(width))
        assert [box.id for box in boxes] == [panel.id for panel in screen.panels]
        assert not any(overlap(a, b) for a, b in combinations(boxes, 2))
        for box in boxes:
            assert box.width > 0 and box.height > 0
            assert box.x >= 0 and box.x + box.width <= width and box.y >= 0


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
@pytest.mark.parametrize(("width", "height"), [(80, 21), (120, 37), (160, 45)])
def test_shipped_layouts_leave_no_hole(file: Path, width: int, height: int) -> None:
    catalog = {name: entry.panel for name, entry in Catalog.discover().panels.items()}
    for screen in load_layout(file, catalog).screens:
        if screen.panels:
            boxes = place(screen, width, height, narrow=is_narrow(width))
            filled = sum(box.width * box.height for box in boxes)
            assert filled == width * max(box.y + box.height for box in boxes)


def screen(*panels: Placement) -> ScreenSpec:
    return ScreenSpec("s", "S", 12, 12, panels)


def test_panels_without_a_narrow_place_follow_below() -> None:
    spec = screen(
        Placement("a", "p:a", at=At(0, 0, 6, 12), at_narrow=At(0, 0, 12, 12)),
        Placement("b", "p:b", at=At(6, 0, 6, 6)),
        Placement("c", "p:c", at=At(6, 6, 6, 6)),
    )
    a, b, c = place(spec, 80, 24, narrow=True)
    assert a == Box("a", 0, 0, 80, 24)
    assert (b.x, b.y, b.width) == (0, 24, 80)
    assert (c.x, c.y, c.width) == (0, b.y + b.height, 80)


def test_a_low_terminal_scrolls_instead_of_crushing_the_panels() -> None:
    spec = screen(Placement("a", "p:a", at=At(0, 0, 12, 12)))
    assert place(spec, 120, 5, narrow=False)[0].height > 5


def test_focus_moves_to_the_neighbour_that_shares_an_edge() -> None:
    boxes = [
        Box("left", 0, 0, 50, 20), Box("top", 50, 0, 50, 10), Box("low", 50, 10, 50, 10),
        Box("foot", 0, 20, 100, 5),
    ]  # fmt: skip
    assert neighbour(boxes, "left", "right") == "top"
    assert neighbour(boxes, "low", "left") == "left"
    assert neighbour(boxes, "low", "up") == "top"
    assert neighbour(boxes, "top", "down") == "low"
    assert neighbour(boxes, "left", "down") == "foot"
    assert neighbour(boxes, "foot", "down") == "foot"
    assert neighbour(boxes, "", "left") == "left"
    assert neighbour([], "", "left") == ""
