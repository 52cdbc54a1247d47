"""A chart as inline SVG: an envelope, a line, round ticks. No script, no font, nothing fetched."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from nanochat_sdk import format as fmt
from nanochat_sdk.data import Series
from nanochat_sdk.payload import unpack

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 30
INK = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2")
TICKS = 5


def chart_svg(title: str, series: list[Series], x_title: str = "step") -> str:
    """The chart. A point that was NaN or infinite is a mark on the lower edge."""
    xs = [x for s in series for x in s.xs()]
    lows = [v for s in series for v in unpack(s.lo) if math.isfinite(v)]
    highs = [v for s in series for v in unpack(s.hi) if math.isfinite(v)]
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(*_room(lows, highs))
    x0, x1 = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
    y0, y1 = y_ticks[0], y_ticks[-1]
    frame = _Frame(x0, x1, y0, y1)
    out = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{_plain(title)}"'
        ' xmlns="http://www.w3.org/2000/svg">'
    ]
    for value in y_ticks:
        y = frame.y(value)
        out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_label(value)}</text>')
    out += [
        f'<text x="{frame.x(value):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{_label(value)}'
        "</text>"
        for value in x_ticks
        if x0 <= value <= x1
    ]
    out.append(
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 1}" text-anchor="end">{_plain(x_title)}</text>'
    )
    for index, one in enumerate(series):
        out += _draw(one, frame, INK[index % len(INK)])
    return "".join(out) + "</svg>"


class _Frame:
    """Data to picture."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float) -> None:
        self._x0, self._y0 = x0, y0
        self._sx = (WIDTH - LEFT - RIGHT) / (x1 - x0)
        self._sy = (HEIGHT - TOP - BOTTOM) / (y1 - y0)

    def x(self, value: float) -> float:
        return LEFT + (value - self._x0) * self._sx

    def y(self, value: float) -> float:
        return max(0.0, HEIGHT - BOTTOM - (value - self._y0) * self._sy)


def _draw(series: Series, frame: _Frame, ink: str) -> Iterable[str]:
    rows = list(zip(series.xs(), unpack(series.lo), unpack(series.hi), series.means(), strict=True))
    rows = [row for row in rows if all(map(math.isfinite, row))]
    if any(hi > lo for _, lo, hi, _ in rows):
        top = " ".join(f"{frame.x(x):.1f},{frame.y(hi):.1f}" for x, _, hi, _ in rows)
        base = " ".join(f"{frame.x(x):.1f},{frame.y(lo):.1f}" for x, lo, _, _ in reversed(rows))
        yield f'<polygon points="{top} {base}" fill="{ink}" opacity="0.2"/>'
    line = " ".join(f"{frame.x(x):.1f},{frame.y(mean):.1f}" for x, _, _, mean in rows)
    yield f'<polyline points="{line}" fill="none" stroke="{ink}" stroke-width="1.6"/>'
    if len(rows) == 1:
        yield f'<circle cx="{line.split(",")[0]}" cy="{line.split(",")[1]}" r="3" fill="{ink}"/>'
    for x in unpack(series.nonfinite):
        at = frame.x(x)
        if LEFT <= at <= WIDTH - RIGHT:
            yield f'<path class="bad" d="M{at - 4:.1f} {HEIGHT - BOTTOM}l4 -8l4 8z"/>'


def ticks(lo: float, hi: float) -> list[float]:
    """Round values around lo..hi."""
    if not hi > lo:
        lo, hi = lo - (abs(lo) / 10 or 1), hi + (abs(hi) / 10 or 1)
    rough = (hi - lo) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 5, 10) if m * power >= rough), 10 * power)
    first, last = math.floor(lo / step), math.ceil(hi / step)
    return [n * step for n in range(first, last + 1)]


def _room(lows: list[float], highs: list[float]) -> tuple[float, float]:
    """The range to show; a few spikes do not flatten the rest."""
    if not lows:
        return 0.0, 1.0
    ordered = sorted(highs)
    usual = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    lo, hi = min(lows), max(highs)
    return lo, min(hi, usual + 2 * (usual - lo)) if usual > lo else hi


def _plain(text: str) -> str:
    return escape(fmt.plain(text, 200), quote=True)


def _label(value: float) -> str:
    if abs(value) >= 10_000:
        return escape(fmt.short(value))
    return escape(f"{value:.6g}")
