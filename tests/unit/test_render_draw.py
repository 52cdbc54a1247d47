"""Whatever a payload holds, drawing it yields exactly the cells asked for."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from nanochat_host.ui.render.ascii import plain
from nanochat_host.ui.render.chart_layout import ChartView
from nanochat_host.ui.render.draw import draw, leaves
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.screens.home import WORDMARK
from nanochat_sdk.payload import (
    Axis,
    Cells,
    Chart,
    Child,
    Column,
    Gauge,
    Heatmap,
    Mark,
    Payload,
    Plot,
    Rule,
    Stack,
    Table,
    Text,
    notice,
    pack,
)
from nanochat_sdk.style import STYLES
from pace import cpu_s
from rich.cells import cell_len
from textual.theme import BUILTIN_THEMES

PALETTE = palette_of(BUILTIN_THEMES["textual-dark"])
NAN, INF = math.nan, math.inf

floats = st.one_of(
    st.floats(-10, 10), st.floats(), st.sampled_from([NAN, INF, -INF, 0.0, 1e308, -1e308, 5e-324])
)
columns_of = st.lists(floats, max_size=40).map(pack)
raw = st.one_of(columns_of, st.binary(max_size=41))
texts = st.text(st.sampled_from("ab cd é語🎉́—"), max_size=30)
styles = st.sampled_from(sorted(STYLES))
spans = st.lists(st.tuples(texts, styles), max_size=5)
finite = st.floats(-1e300, 1e300, allow_nan=False)
axes = st.builds(
    Axis, texts, st.sampled_from(["", "int", "percent", "bytes", "s", "clock"]), st.booleans(),
    st.none() | finite, st.none() | finite,
)  # fmt: skip
sides = st.sampled_from(["left", "right"])
plots = st.builds(
    Plot, label=texts, x=raw, y=raw, style=styles, lo=raw, hi=raw, nonfinite=raw, axis=sides,
    draw=st.sampled_from(["line", "points", "bars", "step"]),
)  # fmt: skip
charts = st.builds(
    Chart, plots=st.lists(plots, max_size=5), x=axes, y=axes, right=st.none() | axes,
    marks=st.lists(st.builds(Mark, finite, st.none() | finite, texts, styles, sides), max_size=4),
    rules=st.lists(st.builds(Rule, finite, texts, styles), max_size=3), legend=st.booleans(),
    caption=spans,
)  # fmt: skip
unit = st.none() | st.floats(0, 1)
flat = st.one_of(
    charts,
    st.builds(
        Text, st.lists(spans, max_size=20), st.sampled_from(["left", "center"]),
        st.sampled_from(["top", "bottom"]), st.booleans(),
    ),
    st.builds(
        Table,
        st.lists(
            st.builds(
                Column, texts, sides, st.integers(0, 60), st.integers(0, 9)
            ),
            min_size=1, max_size=6,
        ),
        st.lists(spans, max_size=15), st.integers(-1, 20),
    ),
    st.builds(Gauge, texts, unit, texts, styles, unit, unit, raw),
    st.builds(
        Heatmap, st.lists(texts, max_size=12), st.integers(1, 30), raw,
        st.lists(texts, max_size=10), st.none() | finite, st.none() | finite, spans,
    ),
    st.builds(Cells, st.lists(spans, max_size=10)),
)  # fmt: skip


def stacks(inner: st.SearchStrategy[Payload]) -> st.SearchStrategy[Payload]:
    child = st.builds(Child, inner, st.integers(0, 80), st.integers(1, 5))
    ways = st.sampled_from(["vertical", "horizontal"])
    return st.builds(Stack, st.lists(child, max_size=4), ways, st.integers(0, 4))


payloads = st.recursive(flat, stacks, max_leaves=5)
views = st.builds(
    ChartView, st.none() | finite, st.none() | finite, st.none() | finite,
    st.none() | st.booleans(), st.none() | st.booleans(), st.integers(0, 50),
)  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)  # fmt: skip
@example(Heatmap(["", ""], 1, pack([0.0, 1e208]), hi=1e-98), 1, 1, ChartView(), False)
@given(payloads, st.integers(1, 200), st.integers(1, 60), views, st.booleans())
def test_draw_never_raises_and_fills_its_cells(
    payload: Payload, width: int, height: int, view: ChartView, ascii_only: bool
) -> None:
    strips = draw(payload, width, height, PALETTE, view, ascii=ascii_only)
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == width
        assert cell_len(strip.text) == width
        assert strip.text.isascii() or not ascii_only
    for leaf in leaves(payload, width, height):
        assert leaf.left + leaf.width <= width
        assert leaf.top + leaf.height <= height


def lines(payload: Payload, width: int, height: int, view: ChartView | None = None) -> list[str]:
    return [strip.text for strip in draw(payload, width, height, PALETTE, view or ChartView())]


def ramp(log: bool = False) -> Chart:
    xs = [float(i) for i in range(1, 101)]
    plot = Plot("loss", pack(xs), pack([10 ** (2 - x / 50) for x in xs]))
    return Chart(plots=[plot], x=Axis("step", "int"), y=Axis("loss", log=log))


def test_log_axis_makes_an_exponential_straight() -> None:
    def bottom_left(log: bool) -> int:
        rows = lines(ramp(log), 60, 14)
        return next(i for i, row in enumerate(rows) if any(c > "\u2800" for c in row[28:32]))

    assert bottom_left(log=True) < bottom_left(log=False)
    assert lines(ramp(), 60, 14, ChartView(log_y=True)) == lines(ramp(log=True), 60, 14)


def test_a_nonfinite_value_is_marked_at_its_place() -> None:
    xs = [float(i) for i in range(40)]
    ys = [NAN if i > 20 else 1.0 for i in range(40)]
    chart = Chart(plots=[Plot("loss", pack(xs), pack(ys), nonfinite=pack([21.0]))])
    rows = lines(chart, 60, 12)
    column = next(row.index("✗") for row in rows if "✗" in row)
    curve = max(max((i for i, c in enumerate(row) if c > "\u2800"), default=0) for row in rows)
    assert 30 < column < 36
    assert column >= curve - 2 or "✗" in rows[-3]


def test_the_cursor_reads_out_the_values_under_it() -> None:
    head = lines(ramp(), 60, 14, ChartView(cursor_x=50.2))[0]
    assert "step 50" in head and "loss 10" in head


def test_zoom_cuts_the_axis_and_says_so() -> None:
    *_, line, foot = lines(ramp(), 60, 14, ChartView(x_start=40, x_end=60))
    assert "step ⤢" in line + foot
    assert "100" not in foot and "50" in foot


def test_two_curves_get_a_legend_and_one_does_not() -> None:
    one = ramp()
    two = Chart(plots=[*one.plots, Plot("val", one.plots[0].x, one.plots[0].y)], y=one.y)
    assert "━ val" in lines(two, 60, 14)[0]
    assert "━" not in lines(one, 60, 14)[0]


def test_gauges_above_each_other_share_their_columns() -> None:
    stack = Stack(
        [Child(Gauge(name, 0.5, text), size=1) for name, text in (("a", "1"), ("long", "22 %"))]
    )
    first, second = lines(stack, 40, 2)
    assert first.index("━") == second.index("━")
    assert first.count("━") == second.count("━")
    assert first.endswith("   1") and second.endswith("22 %")


@pytest.mark.parametrize(("value", "style"), [(0.5, "primary"), (0.85, "warning"), (0.97, "error")])
def test_a_gauge_takes_the_colour_of_its_threshold(value: float, style: str) -> None:
    strip = draw(Gauge("x", value, "", warn=0.8, error=0.95), 40, 1, PALETTE)[0]
    assert any("━" in text and used == PALETTE[style] for text, used, _ in strip)


def test_a_narrow_table_drops_the_columns_that_matter_least() -> None:
    titles = (("STEP", 9), ("NOTE", 1), ("LOSS", 8))
    table = Table([Column(t, "right", keep=k) for t, k in titles], [[("12345678", "")] * 3], 0)
    assert "NOTE" in lines(table, 40, 3)[0]
    narrow = lines(table, 20, 3)[0]
    assert "STEP" in narrow and "LOSS" in narrow and "NOTE" not in narrow
    assert "STEP" in lines(table, 9, 3)[0]


def test_the_selected_row_stays_in_view() -> None:
    table = Table([Column("N")], [[(f"row{i}", "")] for i in range(100)], selected=70)
    assert any("row70" in line for line in lines(table, 20, 6))


def test_text_wraps_at_words_and_keeps_its_anchor() -> None:
    text = Text(
        [[("one two ", ""), ("three four", "bold")], [("end", "")]], anchor="bottom", wrap=True
    )
    assert [line.rstrip() for line in lines(text, 9, 3)] == ["three", "four", "end"]
    assert lines(text, 9, 2, ChartView(scroll=1))[0].rstrip() == "three"


def test_wide_characters_are_cut_at_their_edge() -> None:
    assert lines(Text([[("語語語", "")]]), 5, 1) == ["語語…"]
    assert lines(Cells([[("語語語", "")]]), 5, 1) == ["語語 "]


def test_a_notice_stands_in_the_middle() -> None:
    rows = lines(notice("no GPU", "nvidia-smi found none"), 30, 6)
    assert rows[2].strip() == "no GPU" and rows[3].strip() == "nvidia-smi found none"


def test_markup_and_links_are_text() -> None:
    strip = draw(Text([[("[@click=app.quit]x[/]", "")]]), 30, 1, PALETTE)[0]
    assert strip.text.startswith("[@click=app.quit]x[/]")
    assert all(not style.link and not style.meta for _, style, _ in strip)


def test_a_heatmap_leaves_nan_blank() -> None:
    strips = draw(Heatmap(["a"], 4, pack([0.0, NAN, 0.5, 1.0])), 8, 1, PALETTE)
    colors = {style.color.name for _, style, _ in strips[0] if style.color}
    assert PALETTE.background in colors and len(colors) == 4


def test_a_crowded_line_is_its_mean_and_its_spikes_stay_in_the_envelope() -> None:
    ys = [float(i % 2) for i in range(4000)]
    ys[2000] = 9.0
    plot = Plot("v", pack(float(i) for i in range(4000)), pack(ys), "series-1")
    strips = draw(Chart(plots=[plot]), 60, 14, PALETTE)
    band, line = PALETTE["host-band-series-1"], PALETTE["series-1"]
    rows_of = {
        style: [y for y, strip in enumerate(strips) if any(s == style for _, s, _ in strip)]
        for style in (band, line)
    }
    assert rows_of[band][0] <= 1, "the spike reaches the top"
    assert len(rows_of[line]) <= 2, "the mean is a thin line"


def test_a_bar_shows_its_part_without_unicode() -> None:
    assert plain("━━╸──") == "===--"
    assert "?" not in plain(WORDMARK)


def _seconds(payload: Payload) -> float:
    """Of the processor, the least of three."""
    return min(cpu_s(lambda: draw(payload, 200, 60, PALETTE)) for _ in range(3))


RARE = "".join(chr(0x3400 + n) for n in range(4000))


@pytest.mark.parametrize(
    ("little", "much"),
    [
        (
            Chart(plots=[Plot("a", b"", b"", nonfinite=pack(range(400)))] * 8),
            Chart(plots=[Plot("a", b"", b"", nonfinite=pack(range(4000)))] * 8),
        ),
        (Text(lines=[[(RARE[:210], "")]] * 20), Text(lines=[[(RARE, "")]] * 20)),
        (
            Text(lines=[[(RARE * 10, "")]], wrap=True, anchor="bottom"),
            Text(lines=[[(RARE, "")] * 100], wrap=True, anchor="bottom"),
        ),
        (
            Table([Column("a")], [[(RARE[:210], "")]] * 20),
            Table([Column("a")], [[(RARE, "")]] * 20),
        ),
    ],
)
def test_what_cannot_be_seen_costs_next_to_nothing(little: Payload, much: Payload) -> None:
    assert _seconds(much) < 6 * _seconds(little)


@pytest.mark.parametrize("from_end", [False, True])
def test_a_line_folded_in_part_shows_what_the_whole_would(from_end: bool) -> None:
    words = " ".join(f"word{n}" for n in range(2000))
    anchor = "bottom" if from_end else "top"
    strips = draw(Text(lines=[[(words, "")]], wrap=True, anchor=anchor), 30, 5, PALETTE)
    shown = " ".join("".join(text for text, _, _ in strip) for strip in strips).split()
    assert shown[-1 if from_end else 0] == ("word1999" if from_end else "word0")
    assert len(shown) >= 10
