"""The grid: places, zoom, focus by direction, scrolling on a narrow terminal; the status bar."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from app_rig import until
from fake_panels import FakeProcess, entries, manifests
from nanochat_host.layout.load import load_layout
from nanochat_host.ui.render.frame import Frame, draw_frame
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.widgets.panel_grid import PanelGrid
from nanochat_host.ui.widgets.status_bar import StatusBar
from nanochat_sdk.payload import Text
from textual import on
from textual.app import App, ComposeResult
from textual.theme import BUILTIN_THEMES

LAYOUT = load_layout(Path(__file__).parents[2] / "layouts" / "default.toml", manifests())


class Dashboard(App[None]):
    """The first screen of the default layout."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = PanelGrid(LAYOUT.screens[0], entries())
        self.shown: list[list[str]] = []

    def compose(self) -> ComposeResult:
        yield self.grid

    def on_mount(self) -> None:
        for view in self.grid.views:
            view.process = FakeProcess(view.entry, Text([[("x", "")]]))  # type: ignore[assignment, arg-type]

    @on(PanelGrid.ShownChanged)
    def _shown(self) -> None:
        self.shown.append([view.placement.id for view in self.grid.shown()])

    def focused_id(self) -> str:
        return next((v.placement.id for v in self.grid.views if v.has_focus), "")


@pytest.mark.parametrize("size", [(160, 48), (120, 40), (100, 30), (80, 24), (40, 12)])
async def test_panels_fill_the_grid_without_overlap(size: tuple[int, int]) -> None:
    app = Dashboard()
    async with app.run_test(size=size):
        regions = [view.virtual_region for view in app.grid.views]
        for index, region in enumerate(regions):
            assert region.area > 0
            assert not any(region.overlaps(other) for other in regions[:index])
        assert max(region.right for region in regions) in (size[0], size[0] - 1)


async def test_narrow_panels_have_no_box_and_the_rest_is_scrolled_to() -> None:
    app = Dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.shown[-1] == ["progress", "loss", "system", "throughput"]
        assert all(not view.boxed for view in app.grid.views)
        app.grid.views[-1].focus()
        await until(pilot, lambda: "log" in app.shown[-1], "it is scrolled to")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: len(app.shown[-1]) == len(app.grid.views), "all panels")
        assert all(view.boxed for view in app.grid.views)


async def test_zoom_shows_one_panel_and_escape_brings_back_all() -> None:
    app = Dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        app.grid.views[1].focus()
        await pilot.press("z")
        await pilot.pause()
        assert app.grid.zoomed == "loss" and app.grid.views[1].size == (120, 40)
        assert app.shown[-1] == ["loss"]
        await pilot.press("escape")
        await pilot.pause()
        assert app.grid.zoomed == "" and len(app.shown[-1]) == len(app.grid.views)
        assert app.focused_id() == "loss"


async def test_focus_moves_by_direction_and_tab() -> None:
    app = Dashboard()
    async with app.run_test(size=(160, 48)) as pilot:
        app.grid.views[0].focus()
        path = []
        for key in ("right", "ctrl+down", "alt+j", "alt+h", "ctrl+up", "left", "tab"):
            await pilot.press(key)
            path.append(app.focused_id())
        assert path == ["system", "gpu", "log", "samples", "loss", "loss", "gpu"]


def bar(width: int, **parts: str) -> str:
    status = StatusBar()
    for name, value in parts.items():
        status.set_reactive(getattr(StatusBar, name), value)
    strip = status.paint(width, palette_of(BUILTIN_THEMES["textual-dark"]))
    assert strip.cell_length == width
    return strip.text


PARTS = {
    "mode": "dashboard", "run_text": "base_train running 62 %", "screen_text": "Train",
    "gpu": "1x H100 97 %", "core_state": "up", "wandb_state": "live",
}  # fmt: skip


def test_the_bar_shows_everything_when_there_is_room() -> None:
    text = bar(140, **PARTS)
    for value in (*list(PARTS.values())[:4], "core up", "W&B live"):
        assert value in text


def test_the_bar_gives_up_the_gpu_first_and_never_the_core() -> None:
    text = bar(70, **PARTS)
    assert "H100" not in text and "running 62 %" in text and "core up" in text
    assert "core up" in bar(40, **PARTS)
    done = {**PARTS, "run_text": "✓ done  demo  base_train  1,500/1,500", "gpu": "no GPU"}
    assert "1,500/1,500" in bar(80, **done) and "no GPU" not in bar(80, **done)
    assert "! disk full" in bar(70, **PARTS, trouble="disk full")
    for width in range(1, 160):
        bar(width, **PARTS)


def test_the_frame_says_whose_panel_it_is_and_how_it_is_held() -> None:
    palette = palette_of(BUILTIN_THEMES["textual-dark"])
    boxed = Frame("Strip", badge="mc · isolated")
    assert draw_frame(boxed, [], 40, 2, palette)[-1].text.endswith("─ mc · isolated ─╯")
    narrow = Frame("Strip", "live", badge="mc · not isolated", boxed=False)
    assert draw_frame(narrow, [], 50, 1, palette)[0].text.endswith(" mc · not isolated · live ──")
    ours = Frame("Loss", "live", badge="isolated", quiet=True)
    bottom = draw_frame(ours, [], 40, 2, palette)[-1]
    assert bottom.text.endswith("─ isolated ─╯")
    assert len({segment.style for segment in bottom}) == 1, "as dim as the line it stands in"
    flat = draw_frame(msgspec.structs.replace(ours, boxed=False), [], 50, 1, palette)[0].text
    assert "isolated" not in flat and flat.endswith(" live ──")
    for width in range(1, 60):
        for edit in ("", "open", "chosen"):
            frame = Frame("A title", "2x2 at 0,0", badge="mc · isolated", edit=edit)
            strips = draw_frame(frame, [], width, 2, palette)
            assert [strip.cell_length for strip in strips] == [width] * 2
