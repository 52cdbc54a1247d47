"""Takes commands from the control file to the loop."""

from __future__ import annotations

import time
from typing import Any

from .commands import RefusedCommand, lr_factor, set_value
from .control import Command, ControlFile
from .events import EventWriter
from .ranks import Ranks
from .signals import StopSignal
from .transform import Report

PAUSE_POLL_S = 0.05
ON_REQUEST = ("save", "eval", "sample")


class Steering:
    """wanted: what this iteration is asked to do. leaving: the loop is to break at its top.
    waited: seconds the last `take` spent in a pause. lr: the learning rate multiplier."""

    def __init__(
        self,
        report: Report,
        control: ControlFile,
        events: EventWriter,
        ranks: Ranks,
        signals: StopSignal,
    ) -> None:
        self._report = report
        self._control = control
        self._events = events
        self._ranks = ranks
        self._signals = signals
        self._pending: list[Command] = []
        self._wanted: set[str] = set()
        self._paused_by: Command | None = None
        self.forced_save = False
        self.stopping = False
        self.leaving = False
        self.waited = 0.0
        self.lr = 1.0

    def connect(self) -> None:
        self._ranks.connect()

    def want(self, action: str, peek: bool = False) -> bool:
        wanted = action in self._wanted
        if wanted and action == "save" and not peek:
            # Asked only when the script's own schedule says no: this save is ours.
            self.forced_save = not self.stopping
        return wanted

    def take(self, scope: dict[str, Any], step: int) -> None:
        """At a loop top: agree on what is new, carry out what is due, wait while paused."""
        self._wanted.clear()
        self.forced_save = False
        self.leaving = self.stopping
        self.waited = 0.0
        self._receive()
        self._carry_out(scope, step)
        if self._paused_by is not None:
            self._wait(scope, step)

    def end(self) -> None:
        """The loop is over: what was to come later will not, and the ranks need not agree."""
        for command in self._pending + (self._control.poll() if self._ranks.rank == 0 else []):
            self._refuse(command, "the loop has ended", None)
        self._pending.clear()
        self._ranks.disconnect()

    def _receive(self) -> None:
        commands = self._control.poll() if self._ranks.reads else []
        commands, stop = self._ranks.agree(commands, self._signals.received)
        self._pending += commands
        if stop and not self.stopping:
            self._signals.received = False
            self._pending.append(Command("SIGTERM", "stop"))

    def _carry_out(self, scope: dict[str, Any], step: int) -> None:
        later = []
        for command in self._pending:
            if command.at_step is not None and step < command.at_step:
                later.append(command)
                continue
            if self._paused_by is not None and command.cmd in ON_REQUEST:
                later.append(command)  # the next iteration does it, and that one has to wait
                continue
            try:
                if command.error:
                    raise RefusedCommand(command.error)
                self._apply(command, scope, step)
            except RefusedCommand as exc:
                self._refuse(command, str(exc), step)
        self._pending = later

    def _apply(self, command: Command, scope: dict[str, Any], step: int) -> None:
        done: dict[str, Any] = {}
        if command.cmd in ON_REQUEST:
            self._want_now(command.cmd)
        elif command.cmd == "stop":
            self._stop()
        elif command.cmd == "pause":
            if self._paused_by is not None:
                raise RefusedCommand("already paused")
            self._paused_by = command
        elif command.cmd == "resume":
            if self._paused_by is None:
                raise RefusedCommand("not paused")
            self._paused_by = None
        elif command.cmd == "set":
            variables = {} if self._report.in_function else scope
            old = set_value(command.name, command.value, self._report, scope, variables)
            done = {"name": command.name, "old": old, "value": command.value}
        elif command.cmd == "lr":
            factor = lr_factor(command.value, self._report)
            done = {"old": self.lr, "value": factor}
            self.lr = factor
        self._tell("applied", step, id=command.id, cmd=command.cmd, **done)
        if command.cmd in ("pause", "resume"):
            self._tell(f"{command.cmd}d", step, id=command.id)

    def _want_now(self, action: str) -> None:
        if action not in self._report.actions:
            raise RefusedCommand(f"the loop has no block that would {action}")
        self._wanted.add(action)

    def _stop(self) -> None:
        self.stopping = True
        self._paused_by = None
        saves_in_loop = "save" in self._report.actions and not self._report.saves_after
        if saves_in_loop:
            self._wanted.add("save")
        elif not self._report.ends_itself:
            self.leaving = True

    def _wait(self, scope: dict[str, Any], step: int) -> None:
        began = time.perf_counter()
        while self._paused_by is not None:
            if self._ranks.reads:
                time.sleep(PAUSE_POLL_S)
            self._receive()
            self._carry_out(scope, step)
        self._carry_out(scope, step)
        self.waited = time.perf_counter() - began

    def _refuse(self, command: Command, why: str, step: int | None) -> None:
        self._tell("refused", step, id=command.id, cmd=command.cmd, error=why)

    def _tell(self, what: str, step: int | None, **fields: Any) -> None:
        self._events.state(what, step, **fields)
