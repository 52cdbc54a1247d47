"""Cost of a full redraw of a chart, against painting blank strips.

Run: python benchmarks/draw.py [--json]. Prints CPU ms per redraw of 160 x 45 cells: four curves of
320 columns, with and without envelopes, for runs of 1e3 to 1e7 points. A panel is sent columns
whatever the length of the run, so the rows differ by noise only; the floor is an empty panel.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Callable

from nanochat_host.ui.render.draw import draw
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.render.strips import blank
from nanochat_sdk.payload import Axis, Chart, Mark, Plot, pack
from nanochat_sdk.style import SERIES_STYLES
from textual.theme import BUILTIN_THEMES

WIDTH, HEIGHT, COLUMNS, REPEATS = 160, 45, 320, 40


def chart(points: int, *, envelopes: bool) -> Chart:
    """Four noisy curves over `points` steps, in at most 320 columns."""
    rng = random.Random(points)
    columns = min(COLUMNS, points)
    xs = [(i + 1) * points / columns for i in range(columns)]
    plots = []
    for index in range(4):
        mean = [
            3 + index + 6 * math.exp(-8 * i / columns) + rng.gauss(0, 0.1) for i in range(columns)
        ]
        spread = [abs(rng.gauss(0, 0.3)) for _ in range(columns)]
        low = pack(m - s for m, s in zip(mean, spread, strict=True)) if envelopes else b""
        high = pack(m + s for m, s in zip(mean, spread, strict=True)) if envelopes else b""
        style = SERIES_STYLES[index]
        plots.append(Plot(f"curve {index}", pack(xs), pack(mean), style, lo=low, hi=high))
    return Chart(plots=plots, x=Axis("step", "int"), y=Axis("loss"), marks=[Mark(xs[-1], 3.0)])


def median_ms(work: Callable[[], object]) -> float:
    """Median over `REPEATS` calls."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1e3)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    palette = palette_of(BUILTIN_THEMES["textual-dark"])
    style = palette[""]
    figures = {"floor": median_ms(lambda: [blank(WIDTH, style) for _ in range(HEIGHT)])}
    for exponent in (3, 4, 5, 6, 7):
        for envelopes in (False, True):
            payload = chart(10**exponent, envelopes=envelopes)
            name = f"1e{exponent}{' with envelopes' if envelopes else ''}"
            figures[name] = median_ms(lambda p=payload: draw(p, WIDTH, HEIGHT, palette))
    if args.json:
        print(json.dumps(figures))
        return
    for name, ms in figures.items():
        print(f"{name:<22} {ms:8.3f} ms  {ms / figures['floor']:8.1f} x floor")


if __name__ == "__main__":
    main()
