"""Text and curves can be read in every theme."""

from __future__ import annotations

import itertools

import pytest
from nanochat_host.ui.render.colors import contrast, legible, oklch, parse_hex
from nanochat_host.ui.render.palette import RAMP_STEPS, palette_of
from nanochat_host.ui.themes import THEMES
from nanochat_sdk.style import SERIES_STYLES, STYLES
from textual.theme import BUILTIN_THEMES, Theme

ALL = {theme.name: theme for theme in (*BUILTIN_THEMES.values(), *THEMES)}
TEXT = (
    "",
    "muted",
    "bold",
    "title",
    "primary",
    "secondary",
    "accent",
    "success",
    "warning",
    "error",
)


@pytest.fixture(params=sorted(ALL))
def theme(request: pytest.FixtureRequest) -> Theme:
    return ALL[request.param]


def test_every_style_exists_and_is_on_the_background(theme: Theme) -> None:
    palette = palette_of(theme)
    for name in STYLES:
        style = palette[name]
        assert style.bgcolor is not None and style.color is not None
        if not name.startswith("fill-"):
            assert style.bgcolor.name == palette.background


def test_contrast_of_text_and_curves(theme: Theme) -> None:
    palette = palette_of(theme)
    back = parse_hex(palette.background)
    high = "contrast" in theme.name
    for name in TEXT:
        assert contrast(parse_hex(palette[name].color.name), back) >= (7 if high else 4.5)
    for name in SERIES_STYLES:
        assert contrast(parse_hex(palette[name].color.name), back) >= (4.5 if high else 3)


def test_text_on_the_colormap_and_on_the_selection(theme: Theme) -> None:
    palette = palette_of(theme)
    for name in [*(f"fill-{level}" for level in range(16)), "host-selection", "host-bar"]:
        style = palette[name]
        assert contrast(parse_hex(style.color.name), parse_hex(style.bgcolor.name)) >= 4.4


def test_the_colormap_runs_one_way(theme: Theme) -> None:
    palette = palette_of(theme)
    back = parse_hex(palette.background)
    ratios = [contrast(parse_hex(color), back) for color in palette.ramp]
    assert len(ratios) == RAMP_STEPS
    assert ratios[-1] > 2 * ratios[0]
    falls = sum(1 for a, b in itertools.pairwise(ratios) if b < a - 0.05)
    assert falls == 0


def test_series_are_told_apart(theme: Theme) -> None:
    palette = palette_of(theme)
    colors = [parse_hex(palette[name].color.name) for name in SERIES_STYLES]
    for index, one in enumerate(colors):
        for other in colors[:index]:
            assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 30


def test_the_same_theme_is_the_same_palette(theme: Theme) -> None:
    assert palette_of(theme) is palette_of(theme)


def test_colours_by_hand() -> None:
    assert oklch(0.0, 0.0, 0.0) == (0, 0, 0)
    assert oklch(1.0, 0.0, 0.0) == (255, 255, 255)
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert legible((30, 30, 30), (0, 0, 0), 4.5) != (30, 30, 30)
    with pytest.raises(ValueError):
        parse_hex("ansi_blue")
