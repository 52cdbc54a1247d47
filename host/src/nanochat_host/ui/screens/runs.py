"""All runs: live state, newest first; typing filters, Enter opens the dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from nanochat_host.core.wire import RunSummary
from nanochat_host.core.wire_compare import MAX_RUNS
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.controls.search_line import SearchLine
from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.messages import DeleteWanted, ShowRun, StopWanted
from nanochat_host.ui.model import LIVE_STATES, Topic
from nanochat_host.ui.news import LOOK_EVERY_S
from nanochat_host.ui.queue_desk import QueueDesk
from nanochat_host.ui.queue_view import PREFIX, queue_rows, stands
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.words import (
    STATE_GLYPHS,
    age_words,
    duration_words,
    run_name,
    step_words,
)


class RunsScreen(HostScreen):
    """The run list. The filter looks at name, id, state, checkout, target and stage."""

    mode = "runs"
    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open"),
        Binding("slash", "filter", "Search", key_display="/"),
        Binding("space", "mark", "Mark"),
        Binding("m", "compare", "Compare"),
        Binding("x", "stop", "Stop"),
        Binding("delete,D", "delete", "Delete", key_display="del"),
        Binding("n", "app.new_run", "New run"),
        Binding("shift+up", "shift(1)", "Later", show=False),
        Binding("shift+down", "shift(-1)", "Sooner", key_display="⇧↑↓"),
        Binding("p", "pause_queue", "Queue"),
        Binding("escape", "back", "Back"),
    ]

    def body(self) -> Iterable[Widget]:
        yield TextLine(id="heading")
        yield SearchLine("filter: name, state, checkout …", id="filter")
        yield RowList(
            ListColumn("", 1, keep=9),
            ListColumn("run", keep=9),
            ListColumn("state", 9, keep=8),
            ListColumn("stage", 12, keep=4),
            ListColumn("step", 15, right=True, keep=6),
            ListColumn("loss", 8, right=True, keep=7),
            ListColumn("val bpb", 8, right=True, keep=5),
            ListColumn("checkout", 14, keep=2),
            ListColumn("took", 8, right=True, keep=1),
            ListColumn("started", 9, right=True, keep=3),
            id="runs",
        )

    def on_mount(self) -> None:
        self.query_one("#runs", RowList).focus()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_screen_resume(self) -> None:
        self._look()  # losses are as old as the last visit

    def _look(self) -> None:
        if self.is_current:
            self.host.work(self.host.desk.look_at_live_runs(), "runs")

    def place(self) -> str:
        count, marked = len(self.model.runs), len(self.model.compared)
        words = "1 run" if count == 1 else f"{count} runs"
        return f"{words}, {marked} marked" if marked else words

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUNS | Topic.RUN):
            self._list()

    def _list(self) -> None:
        word = self.query_one("#filter", SearchLine).value.strip().lower()
        runs = sorted(self.model.runs, key=lambda r: -r.facts.created_at)
        shown = [run for run in runs if word in _words(run)]
        empty = f"no run has “{word}”" if word else "no runs yet: n starts one"
        if not self.model.loaded:
            empty = "asking the core …"
        marked = set(self.model.compared)
        rows = queue_rows(self.model.queue, self.model.runs) if not word else []
        rows += [_row(run, run.facts.id in marked) for run in shown]
        self.query_one("#heading", TextLine).show([("Runs  ", "title"), stands(self.model.queue)])
        self.query_one("#runs", RowList).set_rows(rows, empty=empty)
        self.refresh_bindings()

    @property
    def _chosen_run(self) -> RunSummary | None:
        return self.model.summary(self.query_one("#runs", RowList).key)

    @property
    def _chosen_item(self) -> str:
        """Id of the queued wish under the cursor, "" if it is a run."""
        key = self.query_one("#runs", RowList).key
        return key.removeprefix(PREFIX) if key.startswith(PREFIX) else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action == "pause_queue":
            return bool(self.model.queue.items)
        if action == "shift" or (action == "delete" and self._chosen_item):
            return bool(self._chosen_item)
        if action in {"stop", "delete"}:
            run = self._chosen_run
            live = run is not None and run.facts.state in LIVE_STATES
            return run is not None and live is (action == "stop")
        return True

    @on(RowList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(RowList.Chosen)
    def _chosen(self, message: RowList.Chosen) -> None:
        if not message.key.startswith(PREFIX):
            self.post_message(ShowRun(message.key))
        else:
            self.host.tell("it waits for its turn: shift and the arrows move it, del takes it out")

    @on(Input.Changed)
    def _typed(self) -> None:
        self._list()

    @on(Input.Submitted)
    def _done(self) -> None:
        self.query_one("#runs", RowList).focus()

    def action_choose(self) -> None:
        self.query_one("#runs", RowList).action_choose()

    def action_filter(self) -> None:
        self.query_one("#filter", SearchLine).open()

    def action_mark(self) -> None:
        """Mark the run under the cursor to be compared, or no longer, and go on to the next."""
        runs = self.query_one("#runs", RowList)
        if not self.model.summary(runs.key):
            return
        marked = self.model.compared
        if runs.key in marked:
            marked.remove(runs.key)
        elif len(marked) < MAX_RUNS:
            marked.append(runs.key)
        else:
            self.host.tell(f"{MAX_RUNS} runs are marked, more would not be told apart", "warning")
        self._list()
        runs.action_move(1)
        self.refresh_bar()

    async def action_compare(self) -> None:
        """Compare the marked runs; with one marked, it and the run under the cursor."""
        marked, here = self.model.compared, self.query_one("#runs", RowList).key
        if len(marked) == 1 and here and here not in marked:
            marked.append(here)
        if len(marked) < 2:
            self.host.tell("mark two or more runs with space, then m compares them", "warning")
        else:
            await self.host.action_show("compare")

    def action_stop(self) -> None:
        if self._chosen_run is not None:
            self.post_message(StopWanted(self._chosen_run.facts.id))

    def action_shift(self, delta: int) -> None:
        """Move the queued wish under the cursor in the queue."""
        self.host.work(QueueDesk(self.host).move(self._chosen_item, delta), "queue")

    def action_pause_queue(self) -> None:
        self.host.work(QueueDesk(self.host).pause(), "queue")

    def action_delete(self) -> None:
        if self._chosen_item:
            self.host.work(QueueDesk(self.host).remove(self._chosen_item), "ask")
        if self._chosen_run is not None:
            self.post_message(DeleteWanted(self._chosen_run.facts.id))

    async def action_back(self) -> None:
        if self.query_one("#filter", SearchLine).close():
            self.query_one("#runs", RowList).focus()
        else:
            await self.host.action_back()


def _words(run: RunSummary) -> str:
    facts = run.facts
    return " ".join(
        (facts.name, facts.id, facts.state, facts.checkout, facts.stage, run.target)
    ).lower()


def _row(run: RunSummary, marked: bool) -> Row:
    facts = run.facts
    glyph, style = STATE_GLYPHS[facts.state]
    name = clean(run_name(facts))
    took = (facts.ended_at or run.updated_at) - facts.started_at if facts.started_at else 0.0
    return Row(
        facts.id,
        (
            (glyph, style),
            (f"▪ {name}" if marked else name, "accent" if marked else ""),
            (facts.state, style),
            (clean(facts.stage), "muted"),
            (step_words(facts), ""),
            (f"{run.loss:.4f}" if run.loss is not None else "", ""),
            (f"{run.val_bpb:.4f}" if run.val_bpb is not None else "", ""),
            (clean(facts.checkout), "muted"),
            (duration_words(took) if took > 0 else "", "muted"),
            (age_words(facts.created_at), "muted"),
        ),
    )
