"""Plots and marks from series, within what a payload may hold."""

from __future__ import annotations

from typing import Literal

from nanochat_sdk import Axis, Mark, Plot, Series, Size, Style, View
from nanochat_sdk import format as fmt
from nanochat_sdk.data import XAxis

LIMIT = 1e300
_X_UNITS: dict[str, Literal["int", "s"]] = {"step": "int", "tokens": "int", "time": "s"}


def columns(size: Size) -> int:
    """Buckets worth asking for: two a cell, as braille has."""
    return min(max(2 * size.width, 32), 1024)


def zoom(view: View) -> tuple[float | None, float | None]:
    """The visible part of x as bounds of a query."""
    return fmt.as_float(view.x_start), fmt.as_float(view.x_end)


def x_axis(x: XAxis) -> Axis:
    """The axis that belongs to a choice of x."""
    return Axis(label=x, unit=_X_UNITS[x])


def plot(
    series: Series,
    label: str,
    style: Style,
    draw: Literal["line", "points", "step"] = "line",
    axis: Literal["left", "right"] = "left",
    band: bool = False,
) -> Plot:
    """A series as a curve. band: draw the envelope of what each bucket stands for."""
    return Plot(
        label=label,
        x=series.x,
        y=series.mean,
        style=style,
        draw="points" if len(series.x) == 8 else draw,
        lo=series.lo if band else b"",
        hi=series.hi if band else b"",
        nonfinite=series.nonfinite,
        axis=axis,
    )


def mark(
    x: object,
    y: object,
    label: str,
    style: Style = "accent",
    axis: Literal["left", "right"] = "left",
) -> list[Mark]:
    """A marked point, or nothing where its place is no number a chart can hold."""
    at, value = fmt.as_float(x), fmt.as_float(y)
    if at is None or value is None or abs(at) > LIMIT or abs(value) > LIMIT:
        return []
    return [Mark(x=at, y=value, label=label, style=style, axis=axis)]


def column_mark(x: object, label: str, style: Style = "muted") -> list[Mark]:
    """A marked column, or nothing where x is no number a chart can hold."""
    at = fmt.as_float(x)
    if at is None or abs(at) > LIMIT:
        return []
    return [Mark(x=at, label=fmt.cut(fmt.plain(label), 60), style=style)]
