"""Terminals come in all sizes, two at a time, without colour, and go without a word."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Iterator

import pytest
from core_rig import until
from resilience_rig import (
    STEP,
    Live,
    all_gone,
    family,
    is_alive,
    live_run,
    shown_step,
    shows_step_after,
)
from tui_rig import Terminal, ended

RESIZES = 100


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_run(tmp_path_factory.mktemp("live")) as live:
        yield live


def whole(tui: Terminal, columns: int, rows: int) -> None:
    """Wait until top, bottom and edges are where they belong at this size."""

    def is_whole() -> bool:
        lines = tui.text.splitlines()
        return (
            len(lines) == rows
            and {len(line) for line in lines} == {columns}
            and "Train" in lines[0]
            and "Quit" in lines[-2]
            and lines[-1].startswith(" dashboard")
            and all(words in lines[-1] for words in ("running", "core up"))
        )

    tui.wait_until(is_whole, f"all of the screen in {columns}x{rows}")


def test_a_hundred_sizes(live: Live) -> None:
    tui = live.rig.open("--run", "last", size=(80, 24))
    tui.wait_for(STEP)
    dice = random.Random(7)
    for _ in range(RESIZES):
        tui.resize(dice.randint(20, 250), dice.randint(5, 70))
        tui.drain(0.01)
    tui.resize(80, 24)
    live.moves_on(tui)
    whole(tui, 80, 24)
    fresh = live.rig.open("--run", "last", size=(80, 24))
    fresh.wait_for(STEP)
    live.moves_on(fresh)
    until(lambda: fresh.drain(0.1) or frames(fresh) == frames(tui), "it looks as if just opened")
    tui.press("?")
    tui.wait_for("Keys, those of")
    for terminal in (tui, fresh):
        terminal.close()


def test_back_at_its_size_nothing_is_missing(live: Live) -> None:
    """A window shrunk and grown while the program was busy: it is told of its old size only."""
    tui = live.rig.open("--run", "last", size=(80, 24))
    tui.wait_for(STEP)
    whole(tui, 80, 24)
    os.kill(tui.pid, signal.SIGSTOP)
    tui.resize(30, 8)
    tui.resize(80, 24)
    assert "Quit" not in tui.text, "the terminal has lost it"
    os.kill(tui.pid, signal.SIGCONT)
    whole(tui, 80, 24)
    tui.close()


def frames(tui: Terminal) -> list[str]:
    """Titles of the panels in view."""
    tui.drain()
    return re.findall(r"^── (\w+) ", tui.text, re.M)


def test_two_screens_on_one_core(live: Live) -> None:
    one, two = live.tui, live.rig.open("--run", "last", size=(80, 24))
    two.wait_for(STEP)
    for tui in (one, two):
        live.moves_on(tui)
    one.press("p")
    for tui in (one, two):
        tui.wait_for("‖ paused")
    two.press("p")
    for tui in (one, two):
        tui.wait_for("● running")
    zygotes, workers = family(one)
    one.press("q")
    assert ended(one) == 0
    assert "looper goes on" in one.text
    all_gone([*zygotes, *workers])
    live.moves_on(two)
    whole(two, 80, 24)
    two.close()


@pytest.mark.parametrize("how", ["SIGHUP", "closed", "SIGTERM"])
def test_a_terminal_that_goes_takes_nothing_along(live: Live, how: str) -> None:
    tui = live.tui
    zygotes, workers = family(tui)
    step = shown_step(tui)
    if how == "closed":
        tui.hang_up()
    else:
        os.kill(tui.pid, getattr(signal, how))
    ended(tui)
    all_gone([*zygotes, *workers])
    assert live.rig.summary(live.run).facts.state == "running"
    live.moves_on()
    shows_step_after(live.tui, step)


@pytest.mark.parametrize(
    "env", [{"TERM": "dumb"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_a_poor_terminal_gets_ascii(live: Live, env: dict[str, str]) -> None:
    tui = live.rig.open("--run", "last", size=(80, 24), COLORTERM="", LANG="", **env)
    tui.wait_for(STEP)
    live.moves_on(tui)
    for key, expected in [
        ("h", "Watch the run"), ("r", "Search"), ("o", "following"), ("d", STEP),
        ("p", r"\| paused"), ("p", r"\* running"), ("x", "Stop looper"),
    ]:  # fmt: skip
        tui.press(key)
        tui.wait_for(expected)
        assert tui.text.isascii(), sorted(char for char in set(tui.text) if not char.isascii())
    tui.press("\x1b")
    until(lambda: tui.drain() or "Stop looper" not in tui.text, "the question is gone")
    tui.wait_for("core up")
    tui.press("q")
    assert ended(tui) == 0


def test_without_colour_there_is_none(live: Live) -> None:
    tui = live.rig.open("--run", "last", size=(80, 24), NO_COLOR="1")
    tui.wait_for(STEP)
    live.moves_on(tui)
    colours = {cell.fg for row in tui.screen.buffer.values() for cell in row.values()}
    assert all(re.fullmatch(r"default|([0-9a-f]{2})\1\1", colour) for colour in colours), colours
    tui.close()
    until(lambda: not is_alive(tui.pid), "it is closed")
