"""The closed set of styles a panel may use. The host maps each name to the active theme."""

from __future__ import annotations

from typing import Literal, get_args

Style = Literal[
    "",  # the theme's foreground
    "muted", "bold", "title", "reverse",
    "primary", "secondary", "accent", "success", "warning", "error",
    "success-bold", "warning-bold", "error-bold",
    "series-1", "series-2", "series-3", "series-4",
    "series-5", "series-6", "series-7", "series-8",
    # A sequential colormap, low to high, drawn as foreground ("heat-*") or background ("fill-*").
    "heat-0", "heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "heat-7",
    "heat-8", "heat-9", "heat-10", "heat-11", "heat-12", "heat-13", "heat-14", "heat-15",
    "fill-0", "fill-1", "fill-2", "fill-3", "fill-4", "fill-5", "fill-6", "fill-7",
    "fill-8", "fill-9", "fill-10", "fill-11", "fill-12", "fill-13", "fill-14", "fill-15",
]  # fmt: skip
"""Name of a style. There is no field in which a link, markup or an escape could travel."""

STYLES: frozenset[str] = frozenset(get_args(Style))
SERIES_STYLES: tuple[Style, ...] = (
    "series-1", "series-2", "series-3", "series-4",
    "series-5", "series-6", "series-7", "series-8",
)  # fmt: skip
