"""Runs side by side as a chart and rows. Pure: what the core answered, what the person chose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nanochat_sdk import format as fmt
from nanochat_sdk.downsample import ema
from nanochat_sdk.payload import Axis, Chart, Mark, Plot, pack
from nanochat_sdk.style import SERIES_STYLES, Style

from nanochat_host.core.wire_compare import CompareAxis, ComparedRun, Comparison, place
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import Cell, ListColumn, Row
from nanochat_host.ui.words import STATE_GLYPHS

AXES: dict[CompareAxis, tuple[str, Literal["", "int", "s"]]] = {
    "step": ("step", "int"),
    "tokens": ("tokens", ""),
    "flops": ("FLOPs", ""),
    "time": ("time", "s"),
}
"""Title and unit of each axis of x, in the order of the key that changes it."""
LEGEND = (
    ListColumn("", 2, keep=9),
    ListColumn("run", keep=9),
    ListColumn("state", 9, keep=3),
    ListColumn("last", 10, right=True, keep=8),
    ListColumn("best", 10, right=True, keep=7),
    ListColumn("at", 9, right=True, keep=6),
)
MARKED = 4
"""Up to so many runs have their best point marked; more marks would hide the curves."""
RUN_COLUMN = 18


@dataclass
class Choice:
    """What the person chose. group: key of a difference by which runs share a colour, "" none.
    hidden: ids of runs without a curve."""

    x: CompareAxis = "step"
    smoothing: float = 0.0
    group: str = ""
    hidden: set[str] = field(default_factory=set)


def groups(found: Comparison, key: str) -> list[str]:
    """The group each run is in: its value of `key`; "" when there is no such difference."""
    values = next((d.values for d in found.differs if d.key == key), None)
    return [value or "-" for value in values] if values else [""] * len(found.runs)


def styles(found: Comparison, key: str) -> list[Style]:
    """A colour for each run: one of its own, or its group's."""
    own = groups(found, key)
    names = list(dict.fromkeys(own)) if any(own) else []
    places = [names.index(name) if names else at for at, name in enumerate(own)]
    return [SERIES_STYLES[place % len(SERIES_STYLES)] for place in places]


def chart(found: Comparison, choice: Choice) -> Chart:
    """The curves that are not hidden."""
    plots: list[Plot] = []
    marks: list[Mark] = []
    own = groups(found, choice.group)
    parts = zip(found.runs, found.labels(), own, styles(found, choice.group), strict=True)
    for run, name, group, style in parts:
        if run.series is None or run.facts.id in choice.hidden:
            continue
        label = f"{choice.group} {group}" if group else name
        plots.append(_plot(run, clean(label), style, choice.smoothing))
        if run.best and len(found.runs) <= MARKED and not choice.smoothing:
            marks.append(Mark(x=run.best[0], y=run.best[1], style=style))
    title, unit = AXES[choice.x]
    empty = "every curve is hidden: space shows it"
    if not choice.hidden:
        empty = "no value in this range" if any(r.points for r in found.runs) else "no values yet"
    return Chart(
        plots=plots,
        x=Axis(label=title, unit=unit),
        y=Axis(label=found.unit, unit="percent" if found.unit == "percent" else ""),
        marks=marks,
        empty=empty,
    )


def _plot(run: ComparedRun, label: str, style: Style, smoothing: float) -> Plot:
    series = run.series
    assert series is not None
    y = series.mean
    if smoothing > 0:
        y = pack(ema(series.means(), series.counts(), smoothing))
    return Plot(
        label=fmt.cut(label, 60),
        x=series.x,
        y=y,
        style=style,
        draw="points" if len(series.x) == 8 else "line",
        nonfinite=series.nonfinite,
    )


def legend_rows(found: Comparison, choice: Choice) -> list[Row]:
    """A row for each run, by group where there is one."""
    own = groups(found, choice.group)
    parts = list(zip(found.runs, found.labels(), own, styles(found, choice.group), strict=True))
    rows: list[Row] = []
    for group in dict.fromkeys(own):
        if group:
            rows.append(Row("", (("", ""), (clean(f"{choice.group} {group}"), "title"))))
        rows += [
            _legend_row(run, name, style, choice) for run, name, of, style in parts if of == group
        ]
    return rows


def _legend_row(run: ComparedRun, name: str, style: Style, choice: Choice) -> Row:
    facts = run.facts
    hidden = facts.id in choice.hidden
    mark: Cell = ("○" if hidden else "━", "muted" if hidden else style)
    label: Cell = (clean(name), "muted" if hidden else "")
    glyph, state_style = STATE_GLYPHS[facts.state]
    state: Cell = (f"{glyph} {facts.state}"[:9], state_style)
    if run.series is None:
        return Row(facts.id, (mark, label, (clean(run.note), "warning")))
    return Row(
        facts.id,
        (
            mark,
            label,
            state,
            (_value(run.last), "" if run.last else "error"),
            (_value(run.best, ""), "accent"),
            (place(run.best[0], choice.x) if run.best else "", "muted"),
        ),
    )


def _value(point: tuple[float, float] | None, none: str = "not finite") -> str:
    return f"{point[1]:.5g}" if point else none


def difference_columns(found: Comparison) -> list[ListColumn]:
    """The key, and a column for each run; the first runs stay when there is no room for all."""
    names = found.labels()
    count = len(names)
    return [
        ListColumn("what differs", 24, keep=9),
        *(ListColumn(clean(name), RUN_COLUMN, keep=8 - 8 * at // count)
          for at, name in enumerate(names)),
    ]  # fmt: skip


def difference_rows(found: Comparison, width: int) -> list[Row]:
    """A row for each key; the last says how many runs did not fit into `width` cells."""
    rows = [
        Row(d.key, ((clean(d.key), "bold"), *((clean(v) or "-", "") for v in d.values)))
        for d in found.differs
    ]
    fitting = max(0, (width - 2 - 26) // (RUN_COLUMN + 2))
    if rows and fitting < len(found.runs):
        text = f"… {len(found.runs) - fitting} more: nanochat-cli run compare"
        rows.append(Row("", ((text, "muted"),)))
    return rows


def heading(found: Comparison, choice: Choice) -> list[Cell]:
    """What is on show, in a line."""
    unit = f" {found.unit}" if found.unit else ""
    better = {True: "less is better", False: "more is better", None: ""}[found.lower]
    parts: list[Cell] = [
        ("Compare  ", "title"),
        (clean(found.metric) or "nothing recorded yet", "bold"),
        (unit, "muted"),
        (f"  by {AXES[choice.x][0]}", "accent"),
    ]
    if choice.smoothing:
        parts.append((f"  smoothed {choice.smoothing:g}", "accent"))
    if choice.group:
        parts.append((f"  grouped by {clean(choice.group)}", "accent"))
    return [*parts, (f"  {better}", "muted")]
