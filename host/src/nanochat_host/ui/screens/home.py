"""The first thing a person sees: what to do next, what ran lately, what there is to train."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.messages import ShowRun
from nanochat_host.ui.model import LIVE_STATES, CoreState, Topic
from nanochat_host.ui.news import LOOK_EVERY_S
from nanochat_host.ui.queue_view import stands, title_of, waits_for
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.words import STATE_GLYPHS, age_words, run_name, step_words

WORDMARK = """\
╭─╮ ╭─╮ ╭─╮ ╭─╮ ╭─╴ ╷ ╷ ╭─╮ ╶┬╴
│ │ ├─┤ │ │ │ │ │   ├─┤ ├─┤  │
╵ ╵ ╵ ╵ ╵ ╵ ╰─╯ ╰─╴ ╵ ╵ ╵ ╵  ╵"""
RECENT = 6
QUEUED = 3
NOTE_COLUMNS = 60
WORDS_CELLS = 64
"""Cells that the other columns want beside the names: "running  99,999/100,000  loss 3.512"."""


class HomeScreen(HostScreen):
    """One list of everything that can be done; Enter does it."""

    mode = "home"
    CSS_PATH = "home.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open"),
        Binding("n", "app.new_run", "New run"),
        Binding("r", "app.show('runs')", "Runs"),
        Binding("d", "app.show('dashboard')", "Dashboard"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._settled = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="home"), Vertical(id="column"):
            yield Static(Content(WORDMARK), id="wordmark")
            yield Static(Content("train, watch and steer small language models"), id="motto")
            yield Static(id="crash")
            yield RowList(*_columns((), 0), id="next")

    def on_mount(self) -> None:
        crash = self.query_one("#crash", Static)
        crash.display = bool(self.host.crash_note)
        crash.update(Content(self.host.crash_note))
        self.query_one("#next", RowList).focus()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_screen_resume(self) -> None:
        self._look()  # losses are as old as the last visit

    def on_resize(self) -> None:
        if self.is_mounted:
            self.call_after_refresh(self.show_model, Topic.RUNS)

    def _look(self) -> None:
        if self.is_current:
            self.host.work(self.host.desk.look_at_live_runs(), "runs")

    def place(self) -> str:
        return ""

    def show_model(self, topics: Topic) -> None:
        if topics & (Topic.RUNS | Topic.RUN | Topic.CORE):
            rows = [*self._next(), *self._queue(), *self._recent(), *self._checkouts()]
            next_list = self.query_one("#next", RowList)
            next_list.set_columns(*_columns(rows, next_list.size.width))
            next_list.set_rows(rows)
            if self.model.loaded and not self._settled:
                # The first answer may put the run under way on top: Enter is to mean that one.
                self._settled = True
                next_list.action_edge(-1)

    def action_choose(self) -> None:
        self.query_one("#next", RowList).action_choose()

    @on(RowList.Chosen, "#next")
    async def _chosen(self, message: RowList.Chosen) -> None:
        verb, _, what = message.key.partition(":")
        if verb == "run":
            self.post_message(ShowRun(what))
        elif verb == "demo":
            self.host.start_demo()
        elif verb == "setup":
            self.host.starting.checkout = what
            await self.host.action_show("setup")
        elif verb == "new":
            await self.host.action_new_run(what)
        else:
            await self.host.action_show(what)

    def _next(self) -> list[Row]:
        live = next((r for r in self.model.runs if r.facts.state in LIVE_STATES), None)
        rows = [_heading("What next")]
        if live is not None:
            name = clean(run_name(live.facts))
            what = f"{name} is {live.facts.state}, {step_words(live.facts) or 'starting up'}"
            rows.append(_row(f"run:{live.facts.id}", "▸", "Watch the run", what))
        rows.append(
            _row("demo:", "▸", "Start the demo", "train a small GPT here, in about two minutes")
        )
        rows.append(_row("new:", "▸", "Start something else", "a stage or pipeline of a checkout"))
        rows.append(_row("setup:", "▸", "Set up a checkout", "its Python, its text, its tokenizer"))
        if self.model.runs:
            count = len(self.model.runs)
            rows.append(_row("show:runs", "▸", "All runs", f"{count} kept on this machine"))
        about = "verify, resume, continue, evaluate, delete"
        rows.append(_row("show:checkpoints", "▸", "Checkpoints", about))
        rows.append(_row("show:chat", "▸", "Chat", "talk to a checkpoint, or two side by side"))
        rows.append(_row("show:help", "▸", "Keys and help", "every key, by place; ? from anywhere"))
        return rows

    def _queue(self) -> list[Row]:
        """What starts next, nothing if nothing waits."""
        queue = self.model.queue
        if not queue.items:
            return []
        text, style = stands(queue)
        gap = Row("", (("", ""), ("", "")))
        rows = [gap, Row("", (("", ""), ("In the queue", "title"), (text, style)))]
        for item in queue.items[:QUEUED]:
            words = f"{clean(item.start.target)}  {waits_for(item, self.model.runs)}"
            rows.append(_row("show:runs", "·", title_of(item.start), words))
        return rows

    def _recent(self) -> list[Row]:
        rows = [_row("", "", "", ""), _heading("Recent runs")]
        if not self.model.runs:
            told = ["none yet"] if self.model.loaded else [self._waiting(), *self._why_away()]
            return [*rows, *(Row("", (("", ""), (text, "muted"))) for text in told)]
        newest = sorted(self.model.runs, key=lambda r: -r.facts.created_at)
        for run in newest[:RECENT]:
            facts = run.facts
            glyph, style = STATE_GLYPHS[facts.state]
            loss = f"loss {run.loss:.3f}" if run.loss is not None else ""
            words = [str(facts.state), step_words(facts), loss or clean(facts.stage)]
            rows.append(
                Row(
                    f"run:{facts.id}",
                    (
                        (glyph, style),
                        (clean(run_name(facts)), ""),
                        ("  ".join(word for word in words if word), "muted"),
                        (age_words(facts.created_at), "muted"),
                    ),
                )
            )
        return rows

    def _checkouts(self) -> list[Row]:
        rows = [_row("", "", "", ""), _heading("Checkouts")]
        if not self.model.checkouts:
            return [*rows, Row("", (("", ""), (self._waiting(), "muted")))]
        for ref in self.model.checkouts:
            note = clean(ref.error) if ref.error else clean(ref.path)
            lacks = [] if ref.builtin or ref.error else ref.lacks
            if ref.builtin and not ref.error:
                note = "built in: trains on this machine's CPU"
            elif lacks:
                note = f"still needs {', '.join(lacks)}: enter sets it up"
            cells = [
                ("!" if ref.error else "·", "error" if ref.error else "muted"),
                (clean(ref.name), ""),
                (note, "error" if ref.error else "warning" if lacks else "muted"),
            ]
            if ref.commit and not ref.builtin:
                cells.append((clean(ref.commit[:7]), "muted"))
            rows.append(Row(f"{'setup' if lacks else 'new'}:{ref.name}", tuple(cells)))
        if all(ref.builtin for ref in self.model.checkouts):
            hint = "add your own: “Set up a checkout”, then a"
            rows.append(Row("", (("", ""), (hint, "muted"))))
        return rows

    def _why_away(self) -> list[str]:
        """What keeps the core from starting: a toast alone would be gone in seconds."""
        away = self.model.core is CoreState.AWAY
        note = self.model.core_note if away else ""
        return textwrap.wrap(note, NOTE_COLUMNS, break_on_hyphens=False)

    def _waiting(self) -> str:
        if self.model.core is CoreState.AWAY:
            return "the core is away; it is being started again"
        return "asking the core …"


def _columns(rows: Sequence[Row], width: int) -> tuple[ListColumn, ...]:
    """The second one is as wide as the longest name, where the others leave room."""
    longest = max((cell_len(row.cells[1][0]) for row in rows if len(row.cells) > 2), default=0)
    return (
        ListColumn("", 2, keep=9),
        ListColumn("", max(min(longest, width - WORDS_CELLS), 20), keep=8),
        ListColumn("", keep=6),
        ListColumn("", 10, right=True, keep=5),
    )


def _heading(text: str) -> Row:
    return Row("", (("", ""), (text, "title")))


def _row(key: str, glyph: str, label: str, help: str) -> Row:
    return Row(key, ((glyph, "accent"), (label, "bold" if key else ""), (help, "muted")))
