"""The closed style names of the SDK, as rich styles of the active theme.

Every style carries the panel background, so strips need no further pass. Colours of series and of
the colormap are made in OKLCH for the theme's background; whatever a theme says, text keeps a
contrast of at least 4.5 and curves one of at least 3 (7 and 4.5 with a high contrast theme).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from nanochat_sdk.style import SERIES_STYLES
from rich.style import Style as RichStyle

from nanochat_host.ui.render.colors import RGB, legible, luminance, mix, oklch, parse_hex, to_hex

if TYPE_CHECKING:
    from textual.app import App
    from textual.theme import Theme

RAMP_STEPS = 64
"""Colours of the continuous colormap."""
HUES = (250.0, 62.0, 155.0, 310.0, 20.0, 200.0, 100.0)
"""OKLCH hues of the series, neighbours far apart: blue, orange, green, purple, rose, teal, gold."""


class Palette(msgspec.Struct, frozen=True):
    """Styles by SDK name, and those of the host's own chrome under "host-*" names.

    ramp: the colormap, `RAMP_STEPS` colours as hex from low to high.
    """

    name: str
    dark: bool
    background: str
    styles: dict[str, RichStyle]
    ramp: tuple[str, ...]
    _pairs: dict[tuple[int, int], RichStyle] = {}

    def __getitem__(self, name: str) -> RichStyle:
        return self.styles.get(name) or self.styles[""]

    def half_block(self, upper: int, lower: int) -> RichStyle:
        """Style for ▀ with two indices into `ramp`; -1 is the background. Cached."""
        style = self._pairs.get((upper, lower))
        if style is None:
            top = self.ramp[upper] if upper >= 0 else self.background
            bottom = self.ramp[lower] if lower >= 0 else self.background
            style = self._pairs[upper, lower] = RichStyle(color=top, bgcolor=bottom)
        return style

    @classmethod
    def from_theme(cls, app: App[object]) -> Palette:
        """Palette of the app's active theme."""
        return palette_of(app.current_theme)


_made: dict[str, tuple[Theme, Palette]] = {}


def palette_of(theme: Theme) -> Palette:
    """Palette of a Textual theme. Made once per theme: cheap enough for every painted line."""
    found = _made.get(theme.name)
    if found is not None and found[0] is theme:
        return found[1]
    colors = theme.to_color_system().generate()
    roles = ("background", "foreground", "primary", "secondary", "accent", "success", "warning",
             "error")  # fmt: skip
    high_contrast = "contrast" in theme.name
    palette = _build(theme.name, theme.dark, high_contrast, tuple(colors[role] for role in roles))
    _made[theme.name] = (theme, palette)
    return palette


def _rgb(text: str, dark: bool, *, ground: bool) -> RGB:
    """A theme's colour; names of terminal colours (ANSI themes) stand for black or white."""
    try:
        return parse_hex(text[:7])
    except ValueError:
        return (0, 0, 0) if ground == dark else (255, 255, 255)


def _build(name: str, dark: bool, high_contrast: bool, roles: tuple[str, ...]) -> Palette:
    back = _rgb(roles[0], dark, ground=True)
    # Where a theme says dark but is not, its background decides.
    dark = luminance(back) < 0.3
    fore = legible(_rgb(roles[1], dark, ground=False), back, 7.0)
    text_ratio, curve_ratio = (7.0, 4.5) if high_contrast else (4.5, 3.0)

    def style(color: RGB, **attributes: bool) -> RichStyle:
        return RichStyle(color=to_hex(color), bgcolor=to_hex(back), **attributes)  # type: ignore[arg-type]

    primary, secondary, accent, success, warning, error = (
        legible(_rgb(role, dark, ground=False), back, text_ratio) for role in roles[2:]
    )
    muted = legible(mix(fore, back, 0.25 if high_contrast else 0.45), back, text_ratio)
    faint = mix(back, fore, 0.55 if high_contrast else 0.28)
    grid = mix(back, fore, 0.3 if high_contrast else 0.13)
    styles = {
        "": style(fore), "muted": style(muted), "bold": style(fore, bold=True),
        "title": style(primary, bold=True), "reverse": style(fore, reverse=True),
        "primary": style(primary), "secondary": style(secondary), "accent": style(accent),
        "success": style(success), "warning": style(warning), "error": style(error),
        "success-bold": style(success, bold=True), "warning-bold": style(warning, bold=True),
        "error-bold": style(error, bold=True),
        "host-axis": style(faint), "host-grid": style(grid), "host-frame": style(faint),
        "host-frame-focus": style(primary), "host-cursor": style(mix(back, fore, 0.6)),
        "host-track": style(mix(back, fore, 0.14)),
        "host-selection": RichStyle(
            color=to_hex(legible(fore, mix(back, primary, 0.3), text_ratio)),
            bgcolor=to_hex(mix(back, primary, 0.3)), bold=True,
        ),
        "host-bar": RichStyle(color=to_hex(fore), bgcolor=to_hex(mix(back, fore, 0.08))),
    }  # fmt: skip
    for key, color in zip(SERIES_STYLES, _series(back, dark, curve_ratio), strict=True):
        styles[key] = style(color)
    ramp = tuple(_ramp_color(step / (RAMP_STEPS - 1), back, dark) for step in range(RAMP_STEPS))
    for level in range(16):
        color = ramp[round(level / 15 * (RAMP_STEPS - 1))]
        styles[f"heat-{level}"] = style(color)
        on_fill = (0, 0, 0) if luminance(color) > 0.18 else (255, 255, 255)
        styles[f"fill-{level}"] = RichStyle(color=to_hex(on_fill), bgcolor=to_hex(color))
    for key in [*SERIES_STYLES, "muted", "primary", "secondary", "accent", "success", "warning",
                "error", ""]:  # fmt: skip
        styles[f"host-band-{key}"] = style(mix(back, _color(styles[key]), 0.34))
    return Palette(name, dark, to_hex(back), styles, tuple(to_hex(color) for color in ramp))


def _color(style: RichStyle) -> RGB:
    assert style.color is not None and style.color.triplet is not None
    red, green, blue = style.color.triplet
    return red, green, blue


def _series(back: RGB, dark: bool, ratio: float) -> list[RGB]:
    lightness, chroma = (0.76, 0.125) if dark else (0.54, 0.15)
    colors = [oklch(lightness, chroma, hue) for hue in HUES]
    colors.append(oklch(lightness, 0.02, 250.0))
    return [legible(color, back, ratio) for color in colors]


def _ramp_color(t: float, back: RGB, dark: bool) -> RGB:
    """Violet over teal to yellow; on a light background the strong end is the dark one. The weak
    end stands a fixed distance in lightness from the background, so the whole ramp is seen."""
    ground = luminance(back) ** (1 / 3)
    if dark:
        weak = ground + 0.2
        return oklch(weak + (0.93 - weak) * t, 0.13 + 0.03 * t, 295 - 190 * t)
    weak = ground - 0.13
    return oklch(weak - (weak - 0.33) * t, 0.11, 105 + 190 * t)
