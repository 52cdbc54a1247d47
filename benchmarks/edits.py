"""Editing the dashboard under load: key to the edit on the screen, and who notices.

    python -m benchmarks.edits [--times 20]

Twelve panels on a run that writes 1,000 rows/s. An edit counts as shown when the panel's frame
stands at its new place and says so.
"""

from __future__ import annotations

import argparse
import re
import sys
import time

from benchmarks import rig
from benchmarks.measure import percentile, quiet_note, report, spread
from benchmarks.terminal import Terminal

GOAL_MS = 100.0
PLACE = r"≡ {title} ━* ?(\d+x\d+ at \d+,\d+) ━[\s\S]*EDIT +{title} \1"
RIGHT, LEFT, WIDER, NARROWER = "\x1b[C", "\x1b[D", "\x1b[1;2C", "\x1b[1;2D"


def frame_at(title: str, terminal: Terminal) -> str:
    """Where the chosen panel says it lies."""
    found = re.search(PLACE.format(title=title), terminal.text)
    return found[1] if found else ""


def timed(terminal: Terminal, key: str, title: str) -> float:
    """Seconds from a key until the chosen panel stands elsewhere."""
    before = frame_at(title, terminal)
    other = PLACE.format(title=title).replace(r"(\d+x", rf"(?!{before} )(\d+x", 1)
    sent = terminal.press(key)
    shown = terminal.wait_for(other, 5.0)
    return shown - sent


def workers(terminal: Terminal) -> set[int]:
    """Process ids of everything the UI has started."""
    return {process.pid for process in terminal.tree()[1:]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="edits of each kind")
    args = parser.parse_args()
    print(f"# {quiet_note()}")
    good = []
    with rig.core() as (_, client):
        run = rig.start_firehose(client, rate=1000.0)
        terminal = rig.open_tui(run, "load")
        terminal.wait_for(r"Loss[\s\S]*\d\.\d")
        terminal.drain(3.0)
        terminal.press("E")
        terminal.wait_for(PLACE.format(title="Loss"))
        before = workers(terminal)
        kinds = {"move": (RIGHT, LEFT), "resize": (NARROWER, WIDER)}
        for name, keys in kinds.items():
            found = []
            for turn in range(args.times):
                found.append(timed(terminal, keys[turn % 2], "Loss"))
                terminal.drain(0.05 + 0.011 * (turn % 7))  # no fixed phase against any tick
            print(f"{name}: {spread(found)}, n={len(found)}")
            good.append(report(f"{name} on the screen, p95", percentile(found, 95) * 1e3, GOAL_MS,
                               "ms"))  # fmt: skip
        same = workers(terminal) == before
        print(f"{'met   ' if same else 'MISSED'} no other worker was started or ended by edits")
        good.append(same)
        added, removed = [], []
        for turn in range(max(3, args.times // 4)):
            terminal.press("a")
            terminal.wait_for("Add a panel")
            terminal.press("timers")
            terminal.wait_for("Where a step's time goes")
            terminal.drain(0.1)
            sent = terminal.press("\r")
            added.append(terminal.wait_for(PLACE.format(title="Step time")) - sent)
            terminal.drain(0.3 + 0.011 * turn)
            sent = terminal.press("\x7f")
            removed.append(terminal.wait_for(r"EDIT +(?!Step time)[\s\S]*remove Step time") - sent)
            terminal.press("uu")
            terminal.wait_for("undone: add Step time")
            terminal.press("\t")
            time.sleep(0.1)
        for name, found in (("add", added), ("remove", removed)):
            print(f"{name}: {spread(found)}, n={len(found)}")
            good.append(report(f"{name} on the screen, p95", percentile(found, 95) * 1e3, GOAL_MS,
                               "ms"))  # fmt: skip
        terminal.close()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
