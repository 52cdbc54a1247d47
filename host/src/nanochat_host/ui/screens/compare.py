"""Two or more runs in one chart, their last and best values, and in what they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from nanochat_host.core.calls_compare import compare
from nanochat_host.core.wire_compare import MAX_RUNS, CompareRuns, Comparison
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui import compare_view
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.messages import ShowRun
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.widgets.chart_control import next_smoothing
from nanochat_host.ui.widgets.chart_pane import ChartPane

LOOK_S = 1.0
"""Live runs are asked for as often; nothing is while none goes on."""
NO_GROUP = "-"


class CompareScreen(HostScreen):
    """Runs come marked from the run list (`Model.compared`); without marks, the two newest."""

    mode = "compare"
    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "metric", "Metric"),
        Binding("a", "axis", "X axis"),
        Binding("g", "group", "Group"),
        Binding("space", "hide", "Hide"),
        Binding("enter", "open", "Open run"),
        Binding("r", "app.show('runs')", "Runs"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.found = Comparison("")
        self.choice = compare_view.Choice()
        self.metric = ""
        self._runs: list[str] = []
        self._asking = self._again = False

    def body(self) -> Iterable[Widget]:
        yield TextLine(id="heading")
        yield ChartPane(id="chart")
        yield RowList(*compare_view.LEGEND, id="legend", empty="asking the core …")
        yield RowList(ListColumn("what differs"), id="differs")

    def on_mount(self) -> None:
        self.query_one("#chart").focus()
        self.set_interval(LOOK_S, self._look)

    def place(self) -> str:
        return "1 run" if len(self._runs) == 1 else f"{len(self._runs)} runs"

    @property
    def _pane(self) -> ChartPane:
        return self.query_one("#chart", ChartPane)

    @property
    def _legend(self) -> RowList:
        return self.query_one("#legend", RowList)

    def show_model(self, topics: Topic) -> None:
        if topics & Topic.RUNS and self.model.loaded:
            runs = self._wanted()
            if runs != self._runs:
                self._runs, self.found = runs, Comparison("")
                self._pane.reset()
                self._ask()

    def _wanted(self) -> list[str]:
        """The marked runs that are still there, else the two newest with a loss to draw."""
        known = {row.facts.id for row in self.model.runs}
        marked = [run_id for run_id in self.model.compared if run_id in known]
        newest = sorted(self.model.runs, key=lambda row: (row.loss is None, -row.facts.created_at))
        return (marked or [row.facts.id for row in newest[:2]])[:MAX_RUNS]

    def _look(self) -> None:
        if self.is_current and any(run.live for run in self.found.runs):
            self._ask(self.found.stamp)

    def _ask(self, seen: str = "") -> None:
        """Ask the core; while an answer is awaited, the next question waits for it."""
        if not self._runs:
            self._paint()
        elif self._asking:
            self._again = self._again or not seen
        else:
            self._asking = True
            self.host.work(self._load(seen), "compare")

    async def _load(self, seen: str) -> None:
        view, width = self._pane.view, self._pane.size.width
        wish = CompareRuns(
            self._runs, self.metric, self.choice.x, min(max(2 * width, 32), 1024),
            view.x_start, view.x_end, seen,
        )  # fmt: skip
        try:
            found = await self.host.link.request(self.host.link.client.ask(compare(wish)))
        finally:
            self._asking = False
        if self._again:
            self._again = False
            self._ask()
        elif found is not None and found.runs and self.is_mounted:
            self.found = found
            self._paint()

    def _paint(self) -> None:
        found, choice = self.found, self.choice
        self.query_one("#heading", TextLine).show(compare_view.heading(found, choice))
        self._pane.show(compare_view.chart(found, choice))
        none = "no runs yet: n starts one" if self.model.loaded else "asking the core …"
        self._legend.set_rows(compare_view.legend_rows(found, choice), empty=none)
        differs = self.query_one("#differs", RowList)
        differs.set_columns(*compare_view.difference_columns(found))
        rows = compare_view.difference_rows(found, self.size.width)
        one = len(found.runs) == 1
        differs.set_rows(
            rows, empty="mark more runs with space in the run list" if one else
            "nothing differs: same checkout, same options" if found.runs else "",
        )  # fmt: skip
        self.refresh_bar()

    @on(ChartPane.RangeChanged)
    def _range_changed(self) -> None:
        self._ask()

    @on(ChartPane.SmoothWanted)
    def _smooth(self, message: ChartPane.SmoothWanted) -> None:
        self.choice.smoothing = next_smoothing(self.choice.smoothing, message.direction)
        self._paint()

    @on(RowList.Chosen, "#legend")
    def _chosen(self, message: RowList.Chosen) -> None:
        self.post_message(ShowRun(message.key))

    def action_open(self) -> None:
        """The dashboard of the run under the cursor of the legend."""
        self._legend.action_choose()

    def action_hide(self) -> None:
        """Hide or show the curve of that run."""
        if self._legend.key:
            self.choice.hidden ^= {self._legend.key}
            self._paint()

    def action_axis(self) -> None:
        """The next axis: step, tokens, FLOPs, time."""
        axes = list(compare_view.AXES)
        self.choice.x = axes[(axes.index(self.choice.x) + 1) % len(axes)]
        self._pane.reset()
        self._ask()

    def action_metric(self) -> None:
        """Choose what is drawn."""
        of = len(self._runs)
        rows = [
            Row(m.name, ((clean(m.name), "bold"), (f"{m.runs} of {of}", "muted"),
                         (clean(m.unit), "muted"), (clean(m.help), "muted")))
            for m in self.found.metrics
        ]  # fmt: skip
        columns = (ListColumn("metric", 28, keep=9), ListColumn("runs", 8, keep=5),
                   ListColumn("unit", 12, keep=3), ListColumn(""))  # fmt: skip
        self._choose("Which metric?", columns, rows, self.found.metric, self._use_metric)

    def _use_metric(self, name: str | None) -> None:
        if name and name != self.found.metric:
            self.metric = name
            self._pane.reset()
            self._ask()

    def action_group(self) -> None:
        """Let runs that are alike in one thing share a colour."""
        rows = [Row(NO_GROUP, (("none", "bold"), ("a colour for each run", "muted")))]
        for d in self.found.differs:
            values = clean(", ".join(dict.fromkeys(value or "-" for value in d.values)))
            rows.append(Row(d.key, ((clean(d.key), "bold"), (values, "muted"))))
        columns = (ListColumn("group by", 28, keep=9), ListColumn("values"))
        self._choose("Group runs by", columns, rows, self.choice.group, self._use_group)

    def _use_group(self, key: str | None) -> None:
        if key:
            self.choice.group = "" if key == NO_GROUP else key
            self._paint()

    def _choose(
        self,
        title: str,
        columns: Sequence[ListColumn],
        rows: Sequence[Row],
        chosen: str,
        use: Callable[[str | None], None],
    ) -> None:
        from nanochat_host.ui.screens.choose import ChooseScreen

        self.app.push_screen(ChooseScreen(title, columns, rows, chosen), use)
