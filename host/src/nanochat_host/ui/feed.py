"""The data plane: the core's news become due panels, due panels one query, answers frames.

There is no timer that runs by itself. A panel is pulled when something moved and its last pull is
old enough: at once if it was quiet, else when its refresh interval is over. All panels due at that
moment share one `/v1/query`. What a worker answers is painted by the `Painter`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from nanochat_sdk.protocol import Act, Input

from nanochat_host.core.wire import Query, QueryItem, QueryResult
from nanochat_host.errors import NanochatCliError, NotFoundError
from nanochat_host.ui.painter import Painter
from nanochat_host.ui.slot import Shown, Slot, wants_machine

if TYPE_CHECKING:
    from nanochat_host.packs.process import PanelProcess

logger = logging.getLogger(__name__)
TOGETHER_S = 0.012
"""Panels due within this time of each other are asked for in one query."""
RETRY_S = 0.5
RENEW_EVERY_S, RENEW_BURST_S = 0.5, 1.5
"""How often a panel that nobody touched may ask for other data, all of which is worked out anew;
the first few times it gets them at once."""
FED_STATES = frozenset({"live", "slow"})


class Feed:
    """query: one request to the core. on_acts: a panel asked for actions. pressed_at: when
    (monotonic) the last key or click came."""

    def __init__(
        self,
        query: Callable[[Query], Awaitable[QueryResult]],
        on_acts: Callable[[Shown, list[Act]], None],
        pressed_at: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._query = query
        self._on_acts = on_acts
        self._painter = Painter(pressed_at)
        self._slots: dict[PanelProcess, Slot] = {}
        self._run_id = ""
        self._up = False
        self._busy = False
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def slots(self) -> Iterable[Slot]:
        """Panels on show."""
        return self._slots.values()

    def show(self, slots: Sequence[Slot]) -> None:
        """These panels are on show now; workers of the others stand still."""
        chosen = {slot.process: slot for slot in slots}
        for process in self._slots:
            if process not in chosen:
                process.pause()
        for process, slot in chosen.items():
            if process not in self._slots:
                process.resume()
                slot.due = slot.force = True
                # Of what happened to it meanwhile, nothing was painted.
                self._painter.add(slot)
        self._slots = chosen
        self._painter.begin()
        self.kick()

    def forget(self, slot: Slot) -> None:
        """Its worker is about to be closed."""
        self._slots = {p: other for p, other in self._slots.items() if other is not slot}
        self._painter.forget(slot)

    def set_run(self, run_id: str) -> None:
        """Ask about another run from now on; "" asks for the machine alone."""
        if run_id != self._run_id:
            self._run_id = run_id
            self.refill()

    def refill(self) -> None:
        """Forget what the panels have; ask for all of it."""
        for slot in self._slots.values():
            slot.rev, slot.due, slot.force = 0, True, True
        self.kick()

    def set_up(self, up: bool) -> None:
        """The core is there, or not."""
        self._up = up
        self._not_before = 0.0
        if up:
            self.refill()

    def mark(self, *, run: bool, machine: bool) -> None:
        """The run's telemetry or the machine's moved. Runs that panels are pinned to are looked at
        as often as the machine."""
        for slot in self._slots.values():
            if (run and not slot.run) or (machine and (slot.machine or slot.run)):
                slot.due = True
        self.kick()

    def redraw(self, panel: Shown) -> None:
        """Its size or view changed: it is to draw again, with the data that suits it now."""
        for slot in self._slots.values():
            if slot.panel is panel:
                slot.rev, slot.due, slot.force = 0, True, True
        self.kick()

    def give(self, panel: Shown, inputs: Sequence[Input]) -> None:
        """Hand the panel what the person did, at once."""
        for slot in self._slots.values():
            if slot.panel is panel:
                slot.inputs.extend(inputs)
                self._pull(slot, None)

    def answered(self, process: PanelProcess) -> None:
        """Answers to a panel's questions wait for its next frame, which comes no sooner for them:
        a panel that asks all the time draws no oftener than it may."""
        slot = self._slots.get(process)
        if slot is not None:
            slot.answers = slot.due = True
            self.kick()

    def changed(self, process: PanelProcess) -> None:
        """A worker answered, failed or came back."""
        slot = self._slots.get(process)
        if slot is None:
            return
        if process.state not in FED_STATES:
            # A worker that failed or starts anew has seen nothing, or lost what it had.
            slot.rev, slot.due, slot.force = 0, True, True
        elif process.needs is not slot.asked and process.needs != slot.asked:
            slot.rev, slot.due = 0, True
        acts = process.take_acts()
        if acts:
            self._on_acts(slot.panel, acts)
        self._painter.add(slot)
        self._painter.begin()
        if slot.inputs and process.ready:
            self._pull(slot, None)
        if slot.due:
            self.kick()

    def close(self) -> None:
        """Stop asking."""
        self._slots = {}
        self._cancel_timer()
        for task in self._tasks:
            task.cancel()

    def kick(self) -> None:
        """Pull what is due now, and set the timer for what is due later."""
        if self._busy or not self._up:
            return
        now = time.monotonic()
        waiting = [s for s in self._slots.values() if s.due and s.process.ready and s.has_room]
        self._cancel_timer()
        if not waiting:
            return
        soonest = max(min(slot.wait_s(now) for slot in waiting), self._not_before - now)
        if soonest > 0:
            self._timer = asyncio.get_running_loop().call_later(soonest, self.kick)
            return
        chosen = [slot for slot in waiting if slot.wait_s(now) <= TOGETHER_S]
        # One query is about one run: the one whose panels wait longest.
        run = min(chosen, key=lambda slot: slot.pulled_at).run
        chosen = [slot for slot in chosen if slot.run == run]
        self._busy = True
        task = asyncio.ensure_future(self._serve(chosen, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _serve(self, slots: list[Slot], now: float) -> None:
        items = []
        for slot in slots:
            slot.due = False
            slot.pulled_at = now
            if slot.asked is not slot.process.needs:
                slot.asked = slot.process.needs
                slot.renew_at = max(slot.renew_at, now - RENEW_BURST_S) + RENEW_EVERY_S
                slot.machine = wants_machine(slot.asked)
            granted = [str(capability) for capability in slot.process.granted]
            items.append(QueryItem(slot.asked, since=slot.rev, granted=granted))
        pinned = slots[0].run
        run_id = pinned or self._run_id
        try:
            result = await self._query(Query(run=run_id, items=items))
        except NotFoundError as error:
            if not pinned:
                self._failed(slots, error)
                return
            # Its panels say so; they are asked about again when the machine's figures move.
            self._busy = False
            for slot in slots:
                slot.panel.source_gone = True
                slot.panel.refresh_from_process()
            self.kick()
            return
        except (NanochatCliError, OSError, msgspec.DecodeError) as error:
            self._failed(slots, error)
            return
        self._busy = False
        if not pinned and run_id != self._run_id:
            self.refill()
            return
        for slot, answer in zip(slots, result.answers, strict=True):
            if self._slots.get(slot.process) is slot:
                slot.panel.source_gone = False
                if answer.data is not None or slot.force or slot.inputs or slot.answers:
                    if self._pull(slot, answer.data):
                        slot.rev = answer.rev
                    else:
                        slot.due = True
                else:
                    slot.rev = answer.rev
        self.kick()

    def _failed(self, slots: list[Slot], error: Exception) -> None:
        """The core did not answer: the panels stay due, and are asked about a little later."""
        logger.info("a query was not answered: %s", error)
        for slot in slots:
            slot.due = True
        self._not_before = time.monotonic() + RETRY_S
        self._busy = False
        self.kick()

    def _pull(self, slot: Slot, data: bytes | None) -> bool:
        """Send the worker a frame; False if it still has one."""
        if not slot.has_room:
            return False
        width, height = slot.panel.inner_size
        taken = slot.process.pull(
            width=width,
            height=height,
            data=data,
            view=slot.panel.view,
            inputs=list(slot.inputs),
            force=slot.force and data is not None,
        )
        if taken:
            slot.inputs.clear()
            slot.answers = False
            if data is not None:
                slot.force = False
        return taken
