"""What a panel answers with: plain data that the host draws.

A payload says what is to be seen, not how. The host owns colours, ticks, braille and width, so a
payload follows the theme and the terminal and can carry no escape sequence. Every field is bounded
and every struct refuses unknown fields: decoding is the host's first wall against a hostile worker.

Columns of numbers travel as packed little-endian float64 (``bytes``): a chart of 320 columns costs
the host one length check instead of 320 decoded objects. ``pack`` and ``unpack`` convert.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from nanochat_sdk.forms import Editor, Form
from nanochat_sdk.scalars import (
    MAX_POINTS,
    MAX_ROWS,
    MAX_TEXT,
    Finite,
    Floats,
    Label,
    Line,
    PayloadBase,
    Span,
    Str,
    Unit,
)
from nanochat_sdk.style import Style

__all__ = [
    "MAX_DEPTH", "MAX_POINTS", "MAX_ROWS", "MAX_TEXT", "Axis", "Cells", "Chart", "Child", "Column",
    "Editor", "Finite", "Floats", "Form", "Gauge", "Heatmap", "Label", "Line", "Mark", "Payload",
    "Plot", "Rule", "Span", "Stack", "Str", "Table", "Text", "Unit", "notice", "pack", "unpack",
]  # fmt: skip


def pack(values: Iterable[float]) -> bytes:
    """Pack numbers as little-endian float64."""
    packed = array.array("d", values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def unpack(data: bytes) -> array.array[float]:
    """Inverse of `pack`. Raises ValueError when the length is not a multiple of eight."""
    out = array.array("d")
    out.frombytes(data)
    if sys.byteorder == "big":
        out.byteswap()
    return out


class Text(PayloadBase, frozen=True, tag="text"):
    """Styled lines.

    align: "center" puts a short notice in the middle. anchor: which end stays visible when the
    lines do not fit ("bottom" suits a log). wrap: fold long lines instead of cutting them.
    """

    lines: Annotated[list[Line], Meta(max_length=MAX_ROWS)]
    align: Literal["left", "center"] = "left"
    anchor: Literal["top", "bottom"] = "top"
    wrap: bool = False


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table's column. width: cells, 0 lets the host share out the space. keep: the higher, the
    later the column is dropped on a narrow screen."""

    title: Label
    align: Literal["left", "right"] = "left"
    width: Annotated[int, Meta(ge=0, le=400)] = 0
    keep: Annotated[int, Meta(ge=0, le=9)] = 5


class Table(PayloadBase, frozen=True, tag="table"):
    """Rows of one span a column. selected: index of the highlighted row, which the person moves and
    `on_input` hears of ("select", and "activate" for enter or a double click); -1: nothing can be
    chosen, the rows scroll."""

    columns: Annotated[list[Column], Meta(min_length=1, max_length=40)]
    rows: Annotated[list[Annotated[list[Span], Meta(max_length=40)]], Meta(max_length=MAX_ROWS)]
    selected: Annotated[int, Meta(ge=-1, le=MAX_ROWS)] = -1
    empty: Label = "nothing yet"


class Axis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An axis of a chart. lo/hi: fixed limits, else the data's. log: the default scale, which the
    person may toggle. unit: how the host writes ticks ("int": 12k, "s": 3m20s, "clock": 14:05)."""

    label: Label = ""
    unit: Literal["", "int", "percent", "bytes", "s", "clock"] = ""
    log: bool = False
    lo: Finite | None = None
    hi: Finite | None = None


class Plot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One curve. x and y have equal length and x ascends. lo/hi: the envelope of what each point
    stands for, drawn as a fainter band, so that no spike is lost to down-sampling. nonfinite: x
    positions at which the source was NaN or infinite: the host marks them."""

    label: Label
    x: Floats
    y: Floats
    style: Style = "series-1"
    draw: Literal["line", "points", "bars", "step"] = "line"
    lo: Floats = b""
    hi: Floats = b""
    nonfinite: Floats = b""
    axis: Literal["left", "right"] = "left"


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A marked point, for example the best value so far. y None marks the whole column at x.
    axis: the scale y is on."""

    x: Finite
    y: Finite | None = None
    label: Label = ""
    style: Style = "accent"
    axis: Literal["left", "right"] = "left"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A horizontal line, for example a target or a threshold."""

    y: Finite
    label: Label = ""
    style: Style = "muted"


class Chart(PayloadBase, frozen=True, tag="chart"):
    """Curves over a shared x axis. The host draws cursor, zoom, pan and log scales.
    caption: one line above the curves, for example the latest value."""

    plots: Annotated[list[Plot], Meta(max_length=16)]
    x: Axis = Axis()
    y: Axis = Axis()
    right: Axis | None = None
    marks: Annotated[list[Mark], Meta(max_length=64)] = msgspec.field(default_factory=list)
    rules: Annotated[list[Rule], Meta(max_length=16)] = msgspec.field(default_factory=list)
    legend: bool = True
    caption: Line = msgspec.field(default_factory=list)
    empty: Label = "no data yet"


class Gauge(PayloadBase, frozen=True, tag="gauge"):
    """A labelled bar. value: 0..1, None when unknown. text: what stands at its right end.
    warn/error: from these values on the bar changes colour; spark: recent values, 0..1."""

    label: Label
    value: Unit | None = None
    text: Label = ""
    style: Style = "primary"
    warn: Unit | None = None
    error: Unit | None = None
    spark: Floats = b""


class Heatmap(PayloadBase, frozen=True, tag="heatmap"):
    """A matrix of values, row-major, shape [len(rows), columns]. NaN cells stay blank.
    lo/hi: limits of the colormap, else the data's."""

    rows: Annotated[list[Label], Meta(max_length=256)]
    columns: Annotated[int, Meta(ge=1, le=MAX_POINTS)]
    values: Annotated[bytes, Meta(max_length=256 * 512 * 8)]
    column_labels: Annotated[list[Label], Meta(max_length=MAX_POINTS)] = msgspec.field(
        default_factory=list
    )
    lo: Finite | None = None
    hi: Finite | None = None
    caption: Line = msgspec.field(default_factory=list)


class Cells(PayloadBase, frozen=True, tag="cells"):
    """Free drawing: lines of spans, clipped at the frame, never wrapped or scrolled."""

    lines: Annotated[list[Line], Meta(max_length=400)]


class Child(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a stack. size: fixed cells along the stack, 0 shares what is left by weight."""

    payload: Payload
    size: Annotated[int, Meta(ge=0, le=400)] = 0
    weight: Annotated[int, Meta(ge=1, le=100)] = 1


class Stack(PayloadBase, frozen=True, tag="stack"):
    """Payloads side by side or one above another; at most `MAX_DEPTH` stacks deep."""

    children: Annotated[list[Child], Meta(max_length=32)]
    direction: Literal["vertical", "horizontal"] = "vertical"
    gap: Annotated[int, Meta(ge=0, le=4)] = 0


MAX_DEPTH = 4
Payload = Text | Table | Chart | Gauge | Heatmap | Cells | Stack | Form | Editor


def notice(title: str, hint: str = "", style: Style = "muted") -> Text:
    """A calm message in the middle of the panel: what is missing, and what brings it."""
    lines: list[list[Span]] = [[(title, style)]]
    if hint:
        lines.append([(hint, "muted")])
    return Text(lines=lines, align="center", wrap=True)
