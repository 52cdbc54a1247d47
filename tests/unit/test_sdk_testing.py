"""The driver for panel authors refuses what the host would refuse, and shows what it would show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nanochat_sdk import (
    Axis,
    Cells,
    Chart,
    Child,
    Column,
    Data,
    Gauge,
    Heatmap,
    Input,
    KeyHelp,
    Mark,
    Needs,
    Panel,
    Payload,
    Plot,
    SeriesQuery,
    Size,
    Stack,
    Table,
    Text,
    notice,
    pack,
)
from nanochat_sdk.errors import ManifestError, OptionError
from nanochat_sdk.testing import (
    PanelDriver,
    PanelFault,
    check,
    data,
    event,
    fuzz_panel,
    log_page,
    machine,
    points,
    run_facts,
    series,
    to_text,
)

PACK = """
id = "mine"
version = "1"
protocol = 1
title = "Mine"
[[panels]]
id = "gap"
entry = "driver_example:Gap"
title = "Gap"
help = "A gap."
capabilities = ["metrics:read"]
[panels.options]
metric = { type = "metric", default = "train/loss", help = "Which." }
"""
CODE = """
from nanochat_sdk import Needs, Panel, Text

class Gap(Panel):
    def needs(self, size):
        return Needs(latest=(self.options.metric,))
    def update(self, data):
        self.value = data.latest[self.options.metric].value
        return True
    def render(self, size):
        return Text(lines=[[(f"gap {self.value:.2f}", "bold")]])
"""


@pytest.fixture
def pack_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "driver_example.py").write_text(CODE)
    path = tmp_path / "pack.toml"
    path.write_text(PACK)
    monkeypatch.delitem(__import__("sys").modules, "driver_example", raising=False)
    return path


def test_a_panel_beside_its_pack_toml_is_built_fed_and_shown(pack_toml: Path) -> None:
    driver = PanelDriver.from_pack(pack_toml, "gap")
    assert driver.needs.latest == ("train/loss",)
    assert driver.feed(data(run=run_facts(), latest=points(train__loss=2.5)))
    assert driver.text(20, 2) == "gap 2.50\n"


def test_what_a_manifest_does_not_declare_is_refused(pack_toml: Path) -> None:
    with pytest.raises(OptionError, match="metrik"):
        PanelDriver.from_pack(pack_toml, "gap", {"metrik": "x"})
    with pytest.raises(PanelFault, match="no panel 'other'"):
        PanelDriver.from_pack(pack_toml, "other")
    pack_toml.write_text(PACK.replace('"metrics:read"', ""))
    with pytest.raises(PanelFault, match="asks for metrics:read"):
        _ = PanelDriver.from_pack(pack_toml, "gap").needs
    pack_toml.write_text("id = 3")
    with pytest.raises(ManifestError):
        PanelDriver.from_pack(pack_toml, "gap")


class Fixed(Panel):
    """Answers with what the test put there."""

    answer: Any = notice("x")
    wants = Needs()

    def needs(self, size: Size) -> Needs:
        return self.wants

    def render(self, size: Size) -> Payload:
        return self.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "returned None"),
        ("text", "refuses"),
        (Gauge(label="x", value=2.0), "refuses"),
        (Text(lines=[[("x" * 5000, "")]]), "refuses"),
        (Text(lines=[[("x", "purple")]]), "refuses"),  # type: ignore[list-item]
        (Chart(plots=[Plot(label="a", x=pack([1, 2]), y=pack([1]))]), "x has 2 values"),
        (Text(lines=[[("x" * 4000, "")]] * 100), "limit"),
    ],
)
def test_payloads_the_host_would_refuse_are_refused(answer: Any, why: str) -> None:
    driver = PanelDriver(Fixed)
    driver.panel.answer = answer  # type: ignore[attr-defined]
    with pytest.raises(PanelFault, match=why):
        driver.render()


def test_a_query_the_host_would_refuse_is_refused() -> None:
    driver = PanelDriver(Fixed)
    driver.panel.wants = Needs(series=(SeriesQuery("x", start=float("nan")),))  # type: ignore[attr-defined]
    with pytest.raises(PanelFault, match="not finite"):
        driver.render()


class Keys(Panel):
    """Asks for a save with s, for an action that does not exist with q."""

    keys = (KeyHelp("s", "save"), KeyHelp("q", "quit"), KeyHelp("/", "find", prompt=True))
    seen: Input | None = None

    def on_input(self, event: Input) -> bool:
        self.seen = event
        if event.key in ("s", "q"):
            self.request("save" if event.key == "s" else "stop")
        return event.kind == "prompt"


def test_keys_reach_the_panel_and_its_acts_come_back() -> None:
    driver = PanelDriver(Keys)
    assert not driver.press("s")
    assert [act.action for act in driver.acts()] == ["save"]
    assert driver.acts() == []
    assert driver.press("/", "loss")
    assert driver.panel.seen == Input(kind="prompt", key="/", text="loss")  # type: ignore[attr-defined]
    driver.select(3)
    assert driver.panel.seen.row == 3  # type: ignore[attr-defined]
    with pytest.raises(PanelFault, match="declares no key 'z'"):
        driver.press("z")
    driver.press("q")
    with pytest.raises(PanelFault, match="'stop' is not an action"):
        driver.acts()


class Careless(Panel):
    """Divides by the newest value, as people do."""

    def needs(self, size: Size) -> Needs:
        return Needs(latest=("train/loss",))

    def update(self, data: Data) -> bool:
        self.inverse = [1 / point.value for point in data.latest.values()]
        return True

    def render(self, size: Size) -> Payload:
        return notice("fine")


def test_the_fuzzer_finds_what_a_careless_panel_does_not_expect() -> None:
    with pytest.raises(PanelFault, match="latest values: 0: ZeroDivisionError"):
        fuzz_panel(Careless)
    assert fuzz_panel(Fixed) > 100


def test_the_fuzzer_draws_before_any_data_as_the_host_may() -> None:
    class Hasty(Panel):
        def update(self, data: Data) -> bool:
            self.now = data.now
            return True

        def render(self, size: Size) -> Payload:
            return notice(str(self.now))

    with pytest.raises(PanelFault, match="before any data: AttributeError"):
        fuzz_panel(Hasty)


def test_the_fuzzer_finds_text_that_is_too_long() -> None:
    class Echo(Panel):
        name = ""

        def update(self, data: Data) -> bool:
            self.name = data.run.name if data.run else ""
            return True

        def render(self, size: Size) -> Payload:
            return Text(lines=[[(self.name, "")]])

    with pytest.raises(PanelFault, match="Expected `str` of length <= 4096"):
        fuzz_panel(Echo)


def test_helpers_make_what_the_core_sends() -> None:
    sent = data(
        series("train/loss", [3.0, 2.0], x=[10, 20]),
        run=run_facts(state="paused"),
        latest=points(step=20, train__loss=2.0),
        events=[event("checkpoint", 20, files={})],
        log=log_page(["fine", "ERROR: bad"]),
        machine=machine(gpus=2),
    )
    assert list(sent.series["train/loss"].xs()) == [10, 20]
    assert sent.latest["train/loss"].step == 20
    assert [line.level for line in sent.log.lines] == ["info", "error"]  # type: ignore[union-attr]
    assert len(sent.machine.gpus) == 2  # type: ignore[union-attr]
    assert machine().gpu_note


def test_text_is_folded_anchored_and_centred() -> None:
    lines = [[("one two three", "")], [("four", "bold")]]
    assert to_text(Text(lines=lines, wrap=True), 7, 3) == "one two\nthree\nfour"  # type: ignore[arg-type]
    assert to_text(Text(lines=lines, anchor="bottom"), 20, 1) == "four"  # type: ignore[arg-type]
    assert to_text(notice("hi", "you"), 6, 4) == "\n  hi\n you\n"
    assert to_text(Text(lines=[[("日本語", "")]], wrap=True), 4, 2) == "日本\n語"


def test_a_table_drops_columns_by_rank_and_says_when_empty() -> None:
    columns = [Column("step", "right", 4, keep=9), Column("tag", keep=1), Column("n", keep=5)]
    table = Table(columns=columns, rows=[[("7", ""), ("long-tag", ""), ("3", "")]])
    assert to_text(table, 30, 2) == "step  tag       n\n   7  long-tag  3"
    assert to_text(table, 10, 2) == "step  n\n   7  3"
    assert "nothing yet" in to_text(Table(columns=columns, rows=[]), 30, 3)


def test_gauges_and_heatmaps() -> None:
    assert to_text(Gauge(label="a", value=0.5, text="half"), 17, 1) == "a █████░░░░░ half"
    assert to_text(Gauge(label="a", text="–"), 8, 1) == "a ???? –"
    assert to_text(Gauge(label="long label", value=1.0, text="9 %"), 8, 1) == "lon… 9 %"
    heat = Heatmap(rows=["x", "y"], columns=3, values=pack([0, 1, 2, 3, float("nan"), 0]))
    assert to_text(heat, 8, 2) == "x ░▒▓\ny █ ░"


def test_a_chart_has_caption_ticks_curves_marks_and_ends() -> None:
    chart = Chart(
        plots=[Plot(label="a", x=pack([0, 10]), y=pack([1, 2]), nonfinite=pack([5]))],
        x=Axis(label="step"),
        marks=[Mark(x=10, y=2)],
        caption=[("now 2", "bold")],
    )
    lines = to_text(chart, 28, 6).splitlines()
    assert lines[0] == "now 2"
    assert lines[1].startswith("  2.000│")
    assert lines[1].endswith("◆")
    assert "!" in lines[4]
    assert lines[5].split() == ["0", "step", "10"]
    assert to_text(Chart(plots=[], empty="no data"), 20, 3).startswith("no data")


def test_stacks_share_their_room() -> None:
    a, b = Cells(lines=[[("a", "")]]), Cells(lines=[[("b", "")]])
    assert to_text(Stack(children=[Child(a, size=2), Child(b)]), 3, 4) == "a\n\nb\n"
    side = Stack(children=[Child(a), Child(b)], direction="horizontal", gap=1)
    assert to_text(side, 7, 1) == "a   b"
    deep: Payload = a
    for _ in range(5):
        deep = Stack(children=[Child(deep)])
    with pytest.raises(PanelFault, match="deep"):
        check(deep)


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 0), (0, 3)])
def test_no_size_is_too_small(size: tuple[int, int]) -> None:
    chart = Chart(plots=[Plot(label="a", x=pack([0.0]), y=pack([1.0]))])
    for payload in (chart, notice("a", "b"), Stack(children=[Child(chart), Child(chart)])):
        assert len(to_text(payload, *size).split("\n")) == max(size[1], 1)
