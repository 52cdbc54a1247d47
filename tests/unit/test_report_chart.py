"""Charts of a report: true to the data, and closed to whatever text is in a run."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from nanochat_host.core.wire import MetricInfo, RunDetail, RunRecord, RunStatus, RunStep, RunSummary
from nanochat_host.report.gather import Chart, Report
from nanochat_host.report.html import to_html
from nanochat_host.report.markdown import BARS, sparkline, to_markdown
from nanochat_host.report.svg import HEIGHT, LEFT, WIDTH, chart_svg, ticks
from nanochat_sdk.data import Event
from nanochat_sdk.testing import run_facts, series

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '"><script>alert(1)</script>|`*_[x](http://e.x)\x1b[31m'


def line_of(svg: str) -> list[tuple[float, float]]:
    line = ElementTree.fromstring(svg).find(f"{SVG}polyline")
    assert line is not None
    return [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]  # type: ignore[misc]


def test_the_line_runs_over_the_whole_width_and_falls_with_the_loss() -> None:
    points = line_of(chart_svg("Loss", [series("train/loss", [4.0 - i / 100 for i in range(300)])]))
    assert points[0][0] == pytest.approx(LEFT, abs=3)
    assert points[-1][0] == pytest.approx(WIDTH - 12, abs=3)
    assert [y for _, y in points] == sorted(y for _, y in points)  # SVG's y grows downwards


def test_one_point_equal_values_and_a_spike() -> None:
    assert "circle" in chart_svg("x", [series("a", [1.0])])
    assert line_of(chart_svg("x", [series("a", [2.0] * 50)]))
    spiky = [1.0 - i / 1000 for i in range(200)]
    spiky[100] = 1e6
    points = line_of(chart_svg("x", [series("a", spiky)]))
    usual = [y for _, y in points if y > 0]
    assert max(usual) - min(usual) > HEIGHT / 8, "a spike does not flatten the rest"


def test_nan_shows_as_a_mark() -> None:
    svg = chart_svg("x", [series("a", [1.0, 0.9, math.nan, 0.8])])
    assert 'class="bad"' in svg and "nan" not in svg


@pytest.mark.parametrize(
    ("lo", "hi"), [(0, 1), (3.2, 3.21), (-5, 1e9), (2, 2), (0, 0), (1e-9, 2e-9)]
)
def test_ticks_are_round_and_cover_the_range(lo: float, hi: float) -> None:
    found = ticks(lo, hi)
    assert 2 <= len(found) <= 9 and found[0] <= lo and found[-1] >= hi


def test_a_sparkline() -> None:
    assert sparkline([1, 2, 3]) == BARS[0] + BARS[3] + BARS[7]
    assert len(sparkline(list(range(1000)))) <= 60
    assert sparkline([math.nan]) == "" and sparkline([1.0, 1.0]) == BARS[0] * 2


def report(text: str) -> Report:
    facts = run_facts(step=10, name=text)
    record = RunRecord("r1", text, text, "/c", "python", "", [RunStep(text, "m", [text])], 1.0)
    detail = RunDetail(RunSummary(facts, loss=1.0), record, RunStatus("done"))
    return Report(
        detail, [("run", text)], [(text, text)], [Chart(text, [series(text[:100], [1.0, 2.0])])],
        [MetricInfo(text, text, 2, 0, 1, None)],
        [
            Event(1.0, "alert", 3, {"severity": text, "message": text}),
            Event(1.0, "sample", 4, {"text": text}),
            Event(1.0, "checkpoint", None, {"tag": text, "files": {"model.pt": 2**20}}),
        ],
        [text],
    )  # fmt: skip


def test_text_of_a_run_stays_text() -> None:
    page = to_html(report(NASTY))
    assert "<script" not in page and "\x1b" not in page
    assert not re.search(r"(?:src|href)\s*=|url\(|@import", page)
    assert "default-src 'none'" in page
    text, _, commands = to_markdown(report(NASTY)).partition("```sh")
    assert commands.count("```") == 1
    assert "<script" not in text.replace("\\<", "") and "\x1b" not in text
    assert "](http" not in text.replace("\\]", "")


def test_everything_is_in_both() -> None:
    for document in (to_html(report("d4")), to_markdown(report("d4"))):
        for word in ("d4", "1.00 MiB", "not finite", "step 3", "Do it again"):
            assert word in document, word
