"""News from the core, turned into state of the model, marks for the feed and toasts."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from nanochat_sdk.data import Event

from nanochat_host.core.wire import StartRun, StreamMessage
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.messages import (
    AnyNews,
    CoreChanged,
    Failure,
    ListsLoaded,
    News,
    RunStarted,
    StartWanted,
)
from nanochat_host.ui.model import LIVE_STATES, CoreState, Topic, resolve_run
from nanochat_host.ui.toasts import Toast, end_toast, event_toast, failure_toast, says_the_end

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

ALERT_WAIT_S = 2.0
"""How long the toast of a failure waits for the alert about it."""
LOOK_EVERY_S = 2.0
"""How often a list asks for the figures of runs that go on, while it is seen."""


class NewsDesk:
    """run: the run to show as soon as the list is there. start, attach: see `NanochatApp`.
    answered: ids of commands that the trainer has answered, newest last."""

    def __init__(self, app: NanochatApp, run: str, start: StartRun | None, attach: bool) -> None:
        self._app = app
        self._wanted_run = run
        self._wanted_start = start
        self._attach = attach
        self._since = time.time()
        self._revs = (-1, -1)
        self._ends_told: set[str] = set()
        self.answered: deque[str] = deque(maxlen=64)

    async def take(self, message: AnyNews) -> None:
        """Take one message; never waits for anything outside this process."""
        if isinstance(message, News):
            if message.run_id == self._app.model.run_id:
                self._stream(message.news)
        elif isinstance(message, CoreChanged):
            self._core(message)
        elif isinstance(message, ListsLoaded):
            await self._lists(message)
        elif isinstance(message, RunStarted):
            await self._started(message)
        elif isinstance(message, Failure):
            text = clean(message.message)
            hint = f"\n{clean(message.hint)}" if message.hint else ""
            self._app.tell(text + hint, "error", 8.0)

    def show_run(self, run_id: str) -> None:
        """Put a run on show, "" for none."""
        model = self._app.model
        if run_id == model.run_id:
            return
        row, was_live = model.summary(run_id), model.live
        model.run_id = run_id
        model.run = row.facts if row else None
        model.trouble = ""
        model.health = []
        self._facts_moved(was_live)
        self._since = time.time()
        self._revs = (-1, -1)
        self._app.link.follow(run_id)
        if self._app.feed is not None:
            self._app.feed.set_run(run_id)
        self._publish(Topic.RUN | Topic.LOG)
        self._app.remember()

    def show_newest_run(self) -> None:
        """Where nothing is on show, put the newest run there; one that goes on comes first."""
        model = self._app.model
        if model.run_id or not model.runs:
            return
        newest = max(
            model.runs, key=lambda row: (row.facts.state in LIVE_STATES, row.facts.created_at)
        )
        self.show_run(newest.facts.id)

    async def look_at_live_runs(self) -> None:
        """Bring losses and times of runs that go on up to date: only lists show them, and the
        stream tells of the run on show alone."""
        model, link = self._app.model, self._app.link
        if not any(row.facts.state in LIVE_STATES for row in model.runs):
            return
        with contextlib.suppress(
            NanochatCliError, OSError
        ):  # a core that is away is said elsewhere
            model.runs = await link.client.runs()
            self._publish(Topic.RUNS)

    def forget(self, run_id: str) -> None:
        """A run was deleted."""
        model = self._app.model
        model.runs = [row for row in model.runs if row.facts.id != run_id]
        if run_id == model.run_id:
            self.show_run("")
        self._publish(Topic.RUNS)

    def _publish(self, topics: Topic) -> None:
        self._app.changed.publish(topics)

    def _core(self, message: CoreChanged) -> None:
        model, feed = self._app.model, self._app.feed
        before = model.core, model.core_note
        model.core, model.core_note = message.state, clean(message.note)
        self._revs = (-1, -1)
        if feed is not None:
            feed.set_up(message.state is CoreState.UP)
        if message.restarted:
            self._app.tell("the core was restarted, nothing was lost")
        elif message.state is CoreState.AWAY and before != (model.core, model.core_note):
            text = "the core is away; runs go on, it is being started again"
            self._app.tell(f"{text}\n{model.core_note}", "warning")
        self._publish(Topic.CORE | Topic.LOG)

    async def _lists(self, message: ListsLoaded) -> None:
        model = self._app.model
        model.runs, model.checkouts, model.loaded = message.runs, message.checkouts, True
        model.queue = message.queue
        if model.run_id and (row := model.summary(model.run_id)) is not None:
            self._facts_moved(row.facts.state in LIVE_STATES)
            model.run = row.facts
        self._publish(Topic.RUNS | Topic.RUN)
        await self._begin()

    async def _begin(self) -> None:
        """Once: show or start what the command line or the last session asked for."""
        model, app = self._app.model, self._app
        if self._wanted_start is not None:
            start, self._wanted_start = self._wanted_start, None
            live = self._live_like(start) if self._attach else None
            if live is None:
                app.post_message(StartWanted(start))
            else:
                self.show_run(live)
                app.tell("attached to the run that is already under way")
        elif self._wanted_run:
            word, self._wanted_run = self._wanted_run, ""
            run_id = resolve_run(model.runs, word)
            if run_id is not None:
                self.show_run(run_id)
            elif word != app.session.run:
                app.tell(f"no run, or more than one, is called {clean(word)}", "warning")
                await app.action_show("runs")
        elif app.current_mode == "dashboard":
            self.show_newest_run()

    def _live_like(self, start: StartRun) -> str | None:
        for row in self._app.model.runs:
            same = row.facts.checkout == start.checkout and row.target == start.target
            if same and row.facts.state in LIVE_STATES:
                return row.facts.id
        return None

    async def _started(self, message: RunStarted) -> None:
        model = self._app.model
        if model.summary(message.run.facts.id) is None:
            model.runs = [message.run, *model.runs]
        self._publish(Topic.RUNS)
        self.show_run(message.run.facts.id)
        if notes := message.run.notes:
            self._app.tell("\n".join(clean(note) for note in notes), timeout_s=10.0)
        await self._app.action_show("dashboard")

    def _stream(self, news: StreamMessage) -> None:
        model, topics = self._app.model, Topic(0)
        for event in news.events:
            if event.kind == "state" and "id" in event.fields:
                self.answered.append(str(event.fields["id"]))
            if event.ts >= self._since:
                self._event(event)
        if news.facts is not None and news.facts.id == model.run_id:
            toast = end_toast(model.run, news.facts)
            if toast is not None and news.facts.state == "failed":
                # The alert about it says more, and comes with the trainer's last words.
                self._app.set_timer(ALERT_WAIT_S, partial(self._failed, news.facts.id, toast))
            elif toast is not None:
                self._tell(toast)
            was_live = model.live
            model.take_facts(news.facts)
            self._facts_moved(was_live)
            topics |= Topic.RUN
        if news.trouble != model.trouble:
            model.trouble = news.trouble
            topics |= Topic.RUN
        if news.gpu and news.gpu != model.gpu:
            model.gpu = news.gpu
            topics |= Topic.MACHINE
        if news.health is not None:
            model.health = news.health
            topics |= Topic.MACHINE
        run_moved, machine_moved = news.rev != self._revs[0], news.machine_rev != self._revs[1]
        self._revs = (news.rev, news.machine_rev)
        if run_moved:
            topics |= Topic.LOG
        if self._app.feed is not None and (run_moved or machine_moved):
            self._app.feed.mark(run=run_moved, machine=machine_moved)
        if topics:
            self._publish(topics)

    def _event(self, event: Event) -> None:
        run_id, run = self._app.model.run_id, self._app.model.run
        if says_the_end(event):
            self._failed(run_id, failure_toast(event, run))
        elif (toast := event_toast(event)) is not None:
            self._tell(toast)
        if event.kind == "alert" and event.fields.get("bell") is True:
            self._app.bell()

    def _failed(self, run_id: str, toast: Toast) -> None:
        """One toast for the end of a run, whoever brings the news first."""
        if run_id not in self._ends_told:
            self._ends_told.add(run_id)
            self._tell(toast)

    def _facts_moved(self, was_live: bool) -> None:
        if self._app.model.live is not was_live:
            # Keys that steer come and go with the life of the run.
            self._app.screen.refresh_bindings()

    def _tell(self, toast: Toast) -> None:
        self._app.tell(toast.text, toast.severity, toast.timeout_s)
