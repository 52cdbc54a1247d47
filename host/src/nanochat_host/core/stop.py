"""The ladder a run is taken down by: save, SIGTERM, SIGKILL. Each rung has a bounded wait, and each
is written into the run's events."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Literal

from nanochat_host.core.aftermath import signal_trainer
from nanochat_host.core.run_entry import Run
from nanochat_host.core.shim import procs
from nanochat_host.core.wire import Control
from nanochat_host.errors import NanochatCliError

Rung = Literal["save", "term", "kill"]
RUNGS: tuple[Rung, ...] = ("save", "term", "kill")
KILL_WAIT_S = 10.0
"""After SIGKILL only a process stuck in the kernel is left."""
_SIGNALS = {
    "save": (signal.SIGUSR2, None),
    "term": (signal.SIGTERM, signal.SIGTERM),
    "kill": (signal.SIGUSR1, signal.SIGKILL),
}
"""Rung to the shim's signal and, should there be no shim at this moment, the trainer's."""


async def climb_down(
    run: Run, first: Rung, grace_s: float, note: Callable[[str, str], None]
) -> None:
    """Take the run down, beginning at rung `first`; returns when it is over or nothing helps.
    grace_s: wait before the next rung. note: takes a text and a level for the run's events."""
    for rung in RUNGS[RUNGS.index(first) :]:
        wait_s = KILL_WAIT_S if rung == "kill" else grace_s
        note(_say(rung, wait_s), "info" if rung == "save" else "warning")
        tell(run, rung)  # before the command: a quick trainer would end, and its shim not know why
        if rung == "save":
            try:
                run.control.append(Control(cmd="stop"))
            except NanochatCliError as error:  # a full disk; the hook saves at SIGTERM, too
                note(f"stop: {error.message}: SIGTERM instead", "warning")
                continue
        try:
            await asyncio.wait_for(run.over.wait(), wait_s)
            return
        except TimeoutError:
            continue
    note(f"still there {KILL_WAIT_S:.0f} s after SIGKILL: a device or a file system hangs", "error")


def tell(run: Run, rung: Rung) -> None:
    """Send a rung's signal, through the shim where there is one: it then knows that the end was
    asked for."""
    shim_signal, trainer_signal = _SIGNALS[rung]
    status = run.status
    if procs.send_signal(status.shim_pid, status.shim_start, shim_signal):
        return
    if trainer_signal is not None:
        signal_trainer(status, trainer_signal)


def _say(rung: Rung, wait_s: float) -> str:
    return {
        "save": f"stop: asked it to finish its step, save and exit; SIGTERM in {wait_s:g} s",
        "term": f"stop: sent SIGTERM; SIGKILL in {wait_s:g} s",
        "kill": "stop: sent SIGKILL",
    }[rung]
