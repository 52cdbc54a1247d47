"""The real TUI in a pseudo-terminal, on a real core with a trainer that steps until it is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core_rig import CoreRig, until
from fake_checkout import make_checkout
from nanochat_host.core.wire import AddCheckout
from nanochat_host.paths import RunPaths

sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.terminal import Terminal


class TuiRig(CoreRig):
    """One home; any number of terminals on it, all closed with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._terminals: list[Terminal] = []

    def open(self, *words: str, size: tuple[int, int] = (120, 40), **env: str) -> Terminal:
        """`nanochat-cli WORDS` in a terminal."""
        argv = [sys.executable, "-m", "nanochat_host.cli", *words]
        for name in ("COLUMNS", "LINES"):
            # Test runners set them, and they would overrule the size of this terminal.
            os.environ.pop(name, None)
        env = {"NANOCHAT_CLI_HOME": str(self.paths.home), "NO_COLOR": "", **env}
        terminal = Terminal(argv, {k: v for k, v in env.items() if v}, size)
        self._terminals.append(terminal)
        return terminal

    def looping_run(self, name: str = "looper") -> RunPaths:
        """A run in the middle of a loop that has no end of its own."""
        self.start()
        looping = self.folder / "looping"
        if not looping.exists():
            make_checkout(looping)
            self.client.add_checkout(AddCheckout(str(looping), "loops", python=sys.executable))
        from nanochat_host.core.wire import StartRun

        options = {"num_iterations": 10_000_000, "step_ms": 5, "eval_every": -1}
        run = self.client.start_run(StartRun("loops", "base_train", options=options, name=name))
        paths = self.paths.run(run.facts.id)
        until(lambda: self.summary(paths).facts.step > 0, "it trains")
        return paths

    def close(self) -> None:
        for terminal in self._terminals:
            terminal.close()
        super().close()


@contextmanager
def tui_rig(folder: Path) -> Iterator[TuiRig]:
    """A rig that leaves nothing behind."""
    rig = TuiRig(folder)
    try:
        yield rig
    finally:
        rig.close()


def ended(terminal: Terminal) -> int:
    """Exit code of the program in the terminal, once it has ended."""
    status: list[int] = []

    def gone() -> bool:
        terminal.drain()
        pid, code = os.waitpid(terminal.pid, os.WNOHANG)
        if pid:
            status.append(os.waitstatus_to_exitcode(code))
        return bool(pid)

    until(gone, "the program ends")
    terminal.wait_until(lambda: terminal.over, "the end of what it says")
    return status[0]
