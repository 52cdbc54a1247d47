"""Colour arithmetic: perceptual (OKLCH) colours and WCAG contrast, no toolkit involved."""

from __future__ import annotations

import math
from typing import TypeAlias

RGB: TypeAlias = tuple[int, int, int]


def parse_hex(text: str) -> RGB:
    """`#rrggbb` to RGB. Raises ValueError for anything else."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"not a colour: {text!r}")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def to_hex(color: RGB) -> str:
    """RGB to `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def mix(a: RGB, b: RGB, amount: float) -> RGB:
    """`a` with `amount` (0..1) of `b`."""
    red, green, blue = (round(x + (y - x) * amount) for x, y in zip(a, b, strict=True))
    return red, green, blue


def oklch(lightness: float, chroma: float, hue: float) -> RGB:
    """A colour of the OKLCH space (lightness 0..1, hue in degrees), clipped to sRGB.

    Equal lightness looks equally light, whatever the hue: that keeps a palette calm.
    """
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _gamma(linear: float) -> int:
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return max(0, min(255, round(value * 255)))


def luminance(color: RGB) -> float:
    """Relative luminance 0..1 (WCAG 2)."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = color
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(a: RGB, b: RGB) -> float:
    """Contrast ratio 1..21 (WCAG 2)."""
    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def legible(color: RGB, background: RGB, ratio: float) -> RGB:
    """`color`, moved towards black or white only as far as `ratio` against `background` asks."""
    white_is_better = contrast((255, 255, 255), background) >= contrast((0, 0, 0), background)
    pole = (255, 255, 255) if white_is_better else (0, 0, 0)
    for step in range(21):
        candidate = mix(color, pole, step / 20)
        if contrast(candidate, background) >= ratio:
            return candidate
    return pole
