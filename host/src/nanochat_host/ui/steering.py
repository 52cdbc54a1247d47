"""What a person does to a run: every wish is asked about where it costs something, then sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from nanochat_sdk.capabilities import ACTIONS

from nanochat_host.core.wire import Control, ControlAck, RunSummary, StartRun, StopRun
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.asking import Asking
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.messages import ActsWanted, RunStarted
from nanochat_host.ui.model import LIVE_STATES
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen
from nanochat_host.ui.words import run_name

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

logger = logging.getLogger(__name__)
SENT = {
    "save": "a checkpoint is saved after this step",
    "eval": "evaluates after this step",
    "sample": "samples after this step",
    "pause": "pauses after this step",
    "resume": "goes on",
}
ASK_CORE_S = 0.5
QUIET_S = 0.7
"""Without a key, before a question that a panel brings up by itself can be agreed to."""
MAX_VALUE = 60
"""Characters of a value that a panel wants to be set: the person sees all of it."""
ANSWERED_S = 0.7


class Steering:
    """Runs in workers of the app: it may wait for answers of the person and of the core."""

    def __init__(self, app: NanochatApp) -> None:
        self._app = app
        self._asking: dict[str, Asking] = {}

    async def start(self, start: StartRun) -> RunSummary | None:
        """Start a run and show it. While another is under way the person says whether it waits."""
        link = self._app.link
        if (live := self._under_way()) and not start.gpus:
            how = await self._ask_queue(live)
            if how == "queue":
                from nanochat_host.ui.queue_desk import QueueDesk

                await QueueDesk(self._app).add(start)
            if how != "now":
                return None
        run = await link.request(link.client.start_run(start))
        if run is not None:
            self._app.post_message(RunStarted(run))
        return run

    def _under_way(self) -> str:
        """Names of live runs and of what waits, which one more would compete with."""
        model = self._app.model
        live = [run_name(r.facts) for r in model.runs if r.facts.state in LIVE_STATES]
        return clean(", ".join(live[:3]))

    async def _ask_queue(self, live: str) -> str:
        return await self._app.push_screen_wait(
            ConfirmScreen(
                f"{live} is under way",
                "Two runs on one device slow each other down and may not both fit its memory.",
                [
                    Choice("queue", "q", "queue it", "starts when what is under way has ended"),
                    Choice("now", "n", "start now", "beside it, on the same device", "warning"),
                ],
            )
        )

    async def send(self, control: Control) -> ControlAck | None:
        """Send a command to the run on show. The event that answers it makes its own toast."""
        run = self._app.model.run
        if run is None:
            return None
        link = self._app.link
        ack = await link.request(link.client.control(run.id, control))
        if ack is not None and not ack.accepted:
            self._app.tell(f"{control.cmd} was refused\n{clean(ack.note)}", "warning")
        elif ack is not None and control.cmd in SENT:
            await self._say_if_slow(control.cmd, ack)
        return ack

    async def _say_if_slow(self, cmd: str, ack: ControlAck) -> None:
        """A command that is answered at once speaks for itself; one that waits for a long step to
        end is confirmed."""
        await asyncio.sleep(ANSWERED_S)
        if ack.id not in self._app.desk.answered:
            self._app.tell(SENT[cmd] + (f"\n{clean(ack.note)}" if ack.note else ""))

    async def stop(self, run_id: str) -> None:
        """Ask how, then stop the run."""
        row = self._app.model.summary(run_id)
        name = clean(run_name(row.facts)) if row else run_id
        loses = await self._unsaved(run_id)
        mode = await self._app.push_screen_wait(
            ConfirmScreen(
                f"Stop {name}?",
                "The run ends for every terminal that watches it.",
                [
                    Choice("save", "s", "save and stop", "finishes the step, loses nothing"),
                    Choice("term", "t", "stop", f"asks it to end now: {loses}", "warning"),
                    Choice("kill", "k", "kill", f"ends it at once: {loses}", "error"),
                ],
            )
        )
        if mode in {"save", "term", "kill"}:
            link = self._app.link
            await link.request(link.client.stop_run(run_id, StopRun(mode=mode)))  # type: ignore[arg-type]

    async def _unsaved(self, run_id: str) -> str:
        """What a run loses that does not save."""
        last = None
        with contextlib.suppress(NanochatCliError, OSError, asyncio.TimeoutError):
            client = self._app.link.client
            asked = client.events(run_id, ["checkpoint"], 1)
            events = await asyncio.wait_for(asked, ASK_CORE_S)
            last = events[-1].step if events else None
        return f"loses all after step {last:,}" if last is not None else "nothing is saved yet"

    async def delete(self, run_id: str) -> None:
        """Ask, then delete an ended run."""
        row = self._app.model.summary(run_id)
        name = clean(run_name(row.facts)) if row else run_id
        answer = await self._app.push_screen_wait(
            ConfirmScreen(
                f"Delete {name}?",
                "Its log, its events and its charts go for good. Checkpoints of the model stay "
                "where the trainer wrote them.",
                [Choice("delete", "y", "delete", "cannot be undone", "error")],
            )
        )
        if answer == "delete":
            link = self._app.link
            if await link.request(link.client.delete_run(run_id)) is not None:
                self._app.desk.forget(run_id)

    async def act(self, wanted: ActsWanted) -> None:
        """A panel asks for actions: check what its pack was granted, ask the person, send. A pack
        that asks too much is not heard."""
        title = clean(wanted.title)
        asking = self._asking.setdefault(wanted.panel.partition(":")[0], Asking())
        prompted = wanted.prompted
        for act in wanted.acts:
            needed = ACTIONS.get(act.action)
            wish = clean(f"{act.action} {act.name}".strip())
            if act.value is not None:
                wish += f" = {clean(str(act.value))}"
            if len(str(act.value)) > MAX_VALUE:
                logger.debug("%s asks for a value that cannot be shown", wanted.panel)
                continue
            if needed is None or needed not in wanted.granted:
                self._app.tell(f"{title} may not ask for “{wish}”", "warning")
                continue
            if not asking.begin(prompted=prompted):
                logger.debug("%s asks too much: %s", wanted.panel, wish)
                continue
            quiet_s = 0.0 if prompted else QUIET_S
            prompted = False
            answer = None
            try:
                answer = await self._app.push_screen_wait(
                    ConfirmScreen(
                        f"{title} asks: {wish}",
                        f"The panel {clean(wanted.panel)} wants this done to the run on show.",
                        [Choice("yes", "y", "do it", "", "bold")],
                        quiet_s=quiet_s,
                    )
                )
            finally:
                asking.end(agreed=answer == "yes")
            if answer == "yes":
                # ACTIONS holds commands of the wire only (tests/contract sees to it).
                control = Control(cmd=act.action, name=act.name, value=act.value)  # type: ignore[arg-type]
                await self.send(control)
