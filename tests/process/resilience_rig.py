"""What the resilience tests share: a live run on real screens, and proof that nothing was lost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from core_rig import until
from nanochat_host.paths import RunPaths
from tui_rig import Terminal, TuiRig, tui_rig

STEP = r"step\s+([\d,]+) / 10,000,000"
"""The progress panel of a `looping_run`."""
FIXTURE_PACKS = Path(__file__).resolve().parents[1] / "panels"
ONE_ERROR_LINE = re.compile(r"nanochat-cli: [^\n]+(\n  [^\n]+)?\n")
"""What a person may be shown when something is wrong: what and where, then the way out."""


class Live:
    """A run that does not end by itself, and the terminal that shows it."""

    def __init__(self, rig: TuiRig, run: RunPaths) -> None:
        self.rig = rig
        self.run = run
        self._tui: Terminal | None = None

    @property
    def tui(self) -> Terminal:
        """The terminal, opened (again) when there is none."""
        if self._tui is None or not is_alive(self._tui.pid):
            self._tui = self.rig.open("--run", "last")
            self._tui.wait_for(STEP)
        return self._tui

    def moves_on(self, tui: Terminal | None = None) -> None:
        """The screen shows steps that were made after this call."""
        goal = steps_printed(self.run)[-1]
        shows_step_after(tui or self.tui, goal)


@contextlib.contextmanager
def live_run(folder: Path) -> Iterator[Live]:
    """A home with a run and a screen, for the tests of a module to share."""
    with tui_rig(folder) as rig:
        yield Live(rig, rig.looping_run())


def shown_step(tui: Terminal) -> int:
    """The step on the screen, -1 for none."""
    tui.drain()
    found = re.search(STEP, tui.text)
    return int(found[1].replace(",", "")) if found else -1


def shows_step_after(tui: Terminal, step: int) -> None:
    """Wait until the progress panel is past `step`."""
    try:
        until(lambda: shown_step(tui) > step, f"a step after {step} on the screen")
    except AssertionError as error:
        raise AssertionError(f"{error}; screen:\n{tui.text}") from None


def toasts(tui: Terminal) -> str:
    """What the toasts on the screen say, as if their lines were not wrapped."""
    rows, said = tui.text.splitlines(), []
    for y, row in enumerate(rows):
        for box in re.finditer("╭─+╮", row):  # a panel's frame has a title on its top line
            inside = [below[box.start() + 1 : box.end() - 1] for below in rows[y + 1 :]]
            ends = [below[box.start()] for below in rows[y + 1 :]]
            said += inside[: ends.index("╰") if "╰" in ends else 0]
    return " ".join(" ".join(said).split())


def says(tui: Terminal, words: str) -> None:
    """Wait until a toast has these words."""
    tui.wait_until(lambda: words in toasts(tui), f"a toast with `{words}`")


def is_alive(pid: int) -> bool:
    """It runs, and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(tui: Terminal) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Zygotes and workers under a terminal's UI: those who have children, and those who have none.
    A zygote comes in two: the inner one is the first process of a world of its own."""
    under = [p for p in psutil.Process(tui.pid).children(recursive=True) if _is_of_panels(p)]
    parents = {process.ppid() for process in under}
    return [p for p in under if p.pid in parents], [p for p in under if p.pid not in parents]


def _is_of_panels(process: psutil.Process) -> bool:
    """Not the core, which a UI may have started."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return is_alive(process.pid) and "packs.zygote" in " ".join(process.cmdline())
    return False


def all_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of them is left."""
    until(lambda: not [p for p in processes if is_alive(p.pid)], "no process is left behind")


def steps_printed(run: RunPaths) -> list[int]:
    """Steps of the trainer's own output; only whole lines count."""
    return [int(n) for n in re.findall(rb"^step (\d+) loss .*\n", run.out_log.read_bytes(), re.M)]


def readable_events(run: RunPaths) -> list[dict[str, Any]]:
    """All lines that are events."""
    events = []
    for line in run.events_jsonl.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


def steps_reported(run: RunPaths) -> list[int]:
    """Steps of the hook's events."""
    return [e["step"] for e in readable_events(run) if "train/loss_raw" in e]


def assert_nothing_lost(rig: TuiRig, run: RunPaths, *, ended: bool = False) -> None:
    """The trainer's output, its events and the core's store tell the same steps, each once and
    none missing. The hook reports a step when the next one begins."""
    reported = steps_reported(run)
    assert reported == list(range(len(reported)))
    printed = steps_printed(run)
    assert printed == list(range(len(printed)))
    assert len(printed) >= len(reported) - 1
    if ended:
        assert len(printed) - len(reported) in (0, 1)

    def stored() -> bool:
        found = {m.name: m for m in rig.client.metrics(run.run_id)}
        if (loss := found.get("train/loss_raw")) is None:  # a core that has just come back
            return False
        assert loss.count == loss.last - loss.first + 1 and loss.first == 0
        return loss.count >= len(reported)

    until(stored, "the store has every step")


def cli(rig: TuiRig, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`nanochat-cli WORDS` without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "nanochat_host.cli", *words],
        env={**os.environ, "NANOCHAT_CLI_HOME": str(rig.paths.home), **env},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one clear line of a command that failed."""
    assert done.returncode in (1, 2), done
    assert ONE_ERROR_LINE.fullmatch(done.stderr), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr
