"""The mouse in edit mode: titles move panels, edges and corners resize them, with an outline."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_rig import Host, screen_text, until
from nanochat_host.layout.spec import At, ScreenSpec
from nanochat_host.ui.edit.drag import Grip, dragged, edges_at
from test_edit_mode import at, board, editing
from textual.geometry import Offset, Region

GRID = ScreenSpec("s", "S")


def test_what_lies_under_the_mouse() -> None:
    region = Region(10, 5, 20, 8)
    assert edges_at(region, 15, 5) == frozenset()
    assert edges_at(region, 15, 8) is None
    assert edges_at(region, 29, 12) == {"right", "bottom"} == edges_at(region, 28, 12)
    assert edges_at(region, 29, 8) == {"right"} and edges_at(region, 10, 8) == {"left"}
    assert edges_at(region, 15, 12) == {"bottom"}


@pytest.mark.parametrize(
    ("edges", "to", "expected"),
    [
        ((), (14, 7), At(1, 2, 4, 4)), ((), (400, -90), At(8, 0, 4, 4)),
        (("right",), (21, 0), At(0, 2, 6, 4)), (("right",), (-200, 0), At(0, 2, 1, 4)),
        (("bottom",), (0, 900), At(0, 2, 4, 10)), (("right", "bottom"), (10, 3), At(0, 2, 5, 5)),
        (("left",), (20, 0), At(2, 2, 2, 4)), (("left",), (900, 0), At(3, 2, 1, 4)),
    ],
)  # fmt: skip
def test_drags_snap_to_the_grid(edges: tuple[str, ...], to: tuple[int, int], expected: At) -> None:
    grip = Grip("a", At(0, 2, 4, 4), frozenset(edges), Offset(0, 0))
    if not edges:
        to = (to[0], to[1] - 6) if to == (14, 7) else to
    assert dragged(grip, Offset(*to), GRID, 120, 36) == expected


async def test_a_title_moves_its_panel(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        view = editor.view_of("throughput")
        assert view is not None
        start = view.region.offset + Offset(6, 0)
        to = start + Offset(80, -22)
        await pilot.mouse_down(app.screen, offset=start)
        assert editor.chosen == "throughput"
        await pilot.hover(app.screen, offset=to)
        await until(pilot, lambda: "┏ 4x3 at 8,0 ━" in screen_text(app), "an outline")
        assert at(app, "throughput") == (0, 8, 4, 4), "nothing moves before the button is let go"
        await pilot.mouse_up(app.screen, offset=to)
        assert (at(app, "throughput"), at(app, "system")) == ((8, 0, 4, 3), (0, 8, 4, 4))
        await until(pilot, lambda: "┏ 4x3 at 8,0 ━" not in screen_text(app), "no outline")
        await pilot.press("u")
        assert at(app, "throughput") == (0, 8, 4, 4)


async def test_a_corner_resizes_and_neighbours_give_way(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        view = editor.view_of("loss")
        assert view is not None
        corner = Offset(view.region.right - 1, view.region.bottom - 1)
        to = corner + Offset(10, 3)
        await pilot.mouse_down(app.screen, offset=corner)
        await pilot.hover(app.screen, offset=to)
        await pilot.mouse_up(app.screen, offset=to)
        assert at(app, "loss") == (0, 2, 9, 7)
        assert at(app, "gpu") == (9, 3, 3, 3)
        await until(pilot, lambda: view.region.width == 90, "it is larger")


async def test_escape_lets_go(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        view = editor.view_of("progress")
        assert view is not None
        await pilot.mouse_down(app.screen, offset=view.region.offset + Offset(6, 0))
        await pilot.hover(app.screen, offset=view.region.offset + Offset(90, 0))
        await until(pilot, lambda: editor.drag.busy, "held")
        await pilot.press("escape")
        assert not editor.drag.busy and board(app).editing
        await pilot.mouse_up(app.screen, offset=view.region.offset + Offset(90, 0))
        assert at(app, "progress") == (0, 0, 8, 2)


async def test_a_place_that_cannot_be_had_is_red_and_refused(host: Host, tmp_path: Path) -> None:
    rows = "\n".join(
        f'[[screens.panels]]\nid = "p{n}"\npanel = "builtin:system"\nat = [0, {n * 3}, 12, 3]'
        for n in range(4)
    )
    file = tmp_path / "rows.toml"
    file.write_text(f'version = 1\n[[screens]]\nid = "s"\n{rows}\n')
    async with editing(host, layout=str(file)) as (app, pilot, editor):
        view = editor.view_of("p0")
        assert view is not None
        start = view.region.offset + Offset(6, 0)
        await pilot.mouse_down(app.screen, offset=start)
        await pilot.hover(app.screen, offset=start + Offset(0, 4))
        await until(pilot, lambda: "no room: the panels there" in screen_text(app), "why not")
        await pilot.mouse_up(app.screen, offset=start + Offset(0, 4))
        assert at(app, "p0") == (0, 0, 12, 3)
        assert "no room" in screen_text(app)


async def test_clicks_choose_and_panels_do_not_react(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        view = editor.view_of("log")
        assert view is not None
        middle = view.region.offset + Offset(10, 6)
        await pilot.click(app.screen, offset=middle)
        assert editor.chosen == "log"
        assert app.focused is editor.bar
        await pilot.click(app.screen, offset=middle, times=2)
        grid = board(app).grid
        assert grid is not None and not grid.zoomed
