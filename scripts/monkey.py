"""Somebody who presses anything: random keys, clicks, drags, pastes and sizes against the real
program in a terminal, with a home of its own and a model that trains.

`make monkey SECONDS=300 SEED=7`. Prints how often each screen was seen. Exits with 1 if the program
ended otherwise than by its own `q`, or left a crash file: what was pressed before is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

import psutil
from nanochat_host.core.client import CoreClient
from nanochat_host.core.start import ensure_core
from nanochat_host.core.wire import StartRun, StopRun
from nanochat_host.paths import Paths
from nanochat_host.ui.modes import PLACES

from benchmarks.terminal import Terminal

LETTERS = "abcdefghijklmnoprstuvwxyzADEFHKNRST0123456789?/<>[]+-=., "
OTHERS = [
    *("\x1b", "\r", "\t", "\x7f", "\x10", "\x07", "\x05", "\x13", "\x15", "\x1bOP", "\x1b[Z"),
    *(f"\x1b[{code}" for code in ("A", "B", "C", "D", "H", "F", "5~", "6~", "3~", "15~", "1;2A")),
]
PASTES = ["12", "-1e9", "hello 世界", "/tmp/x.toml", "\x1b]0;title\x07"]
SIZES = [(80, 24), (120, 40), (200, 60), (60, 15), (30, 8)]
REMEMBERED = 40
"""Keys that are printed when something breaks."""


class Monkey:
    """One terminal at a time. seen: how often each screen was found on show."""

    def __init__(self, seed: int, paths: Paths) -> None:
        self._dice = random.Random(seed)
        home = str(paths.home)  # few frames: the screen's model is slower than the program
        self._env = {"NANOCHAT_CLI_HOME": home, "HOME": home, "TEXTUAL_FPS": "10"}
        self.pressed: deque[str] = deque(maxlen=REMEMBERED)
        self.seen: Counter[str] = Counter()
        self.keys = 0

    def play(self, until: float) -> int | None:
        """Press keys until the program ends, or the time is up. Its exit code, if it ended."""
        size = self._dice.choice(SIZES[:3])
        terminal = Terminal([sys.executable, "-m", "nanochat_host.cli"], self._env, size)
        try:
            terminal.drain(2.0)
            while time.monotonic() < until and not terminal.over:
                key = self._key(terminal)
                self.pressed.append(key)
                try:
                    terminal.press(key)
                except OSError:
                    break
                terminal.drain(0.03)
                self.keys += 1
                if self.keys % 20 == 0:
                    self.seen[place_of(terminal)] += 1
            ended = terminal.over or time.monotonic() < until
            return psutil.Process(terminal.pid).wait(30) if ended else None
        finally:
            terminal.close()

    def _key(self, terminal: Terminal) -> str:
        dice, columns, rows = self._dice, terminal.screen.columns, terminal.screen.lines
        chance = dice.random()
        if chance < 0.55:
            return dice.choice(LETTERS)
        if chance < 0.80:
            return dice.choice(OTHERS)
        x, y = dice.randint(1, columns), dice.randint(1, rows)
        if chance < 0.90:
            return f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"
        if chance < 0.94:
            to = f"{dice.randint(1, columns)};{dice.randint(1, rows)}"
            return f"\x1b[<0;{x};{y}M\x1b[<32;{to}M\x1b[<0;{to}m"
        if chance < 0.96:
            return f"\x1b[<{dice.choice((64, 65))};{x};{y}M"
        if chance < 0.98:
            return f"\x1b[200~{dice.choice(PASTES)}\x1b[201~"
        if chance < 0.99:
            terminal.resize(*dice.choice(SIZES))
            return ""
        # The palette leads to the screens that no single key opens.
        title = dice.choice([place.title for place in PLACES.values() if place.title])
        for part in ("\x1b", "\x1b", "\x10", title):
            terminal.press(part)
            terminal.drain(0.5)
        return "\r"


def place_of(terminal: Terminal) -> str:
    """The screen on show: the first word of the status bar."""
    words = terminal.screen.display[-1].split()
    return words[0] if words and words[0] in PLACES else "a dialog"


def main() -> int:
    """Play for the time given; see the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nanochat-monkey-") as folder:
        paths = Paths(Path(folder))
        os.environ["NANOCHAT_CLI_HOME"] = folder
        ensure_core(paths)
        core = CoreClient(paths)
        core.start_run(StartRun(checkout="tiny", target="demo"))
        monkey, code = Monkey(args.seed, paths), None
        until = time.monotonic() + args.seconds
        try:
            while time.monotonic() < until and code in (None, 0):
                code = monkey.play(until)
        finally:
            for run in core.runs():
                if run.facts.state in ("starting", "running", "paused", "stopping"):
                    core.stop_run(run.facts.id, StopRun(mode="kill"))
            core.shutdown()
        crashes = [file.read_text() for file in sorted(paths.crashes.glob("*.json"))]
    print(f"{monkey.keys} keys; {', '.join(f'{k} {n}' for k, n in monkey.seen.most_common())}")
    if crashes or code not in (None, 0):
        print(
            f"exit code {code}, {len(crashes)} crash files; the last keys: {list(monkey.pressed)}"
        )
        print("\n".join(crashes))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
