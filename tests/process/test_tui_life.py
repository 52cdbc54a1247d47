"""The TUI as a person meets it: real terminal, real core, real workers, things that die."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from core_rig import kill, status_of, until
from nanochat_host.core.client import CoreClient
from nanochat_host.core.shim import procs
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import Paths
from nanochat_host.ui.session import load_session
from tui_rig import TuiRig, ended, tui_rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[TuiRig]:
    with tui_rig(tmp_path) as rig:
        yield rig


def below(pid: int) -> list[psutil.Process]:
    """What panels run in: the zygote first, then its workers."""
    return psutil.Process(pid).children(recursive=True)


def test_it_paints_without_a_core_starts_one_and_quits_alone(rig: TuiRig) -> None:
    tui = rig.open(size=(80, 24))
    tui.wait_for("Start the demo")
    tui.wait_for("core up")
    core_pid = rig.client.health().pid
    tui.press("q")
    assert ended(tui) == 0
    assert rig.client.health().pid == core_pid


def test_a_run_is_watched_and_steered_and_survives_the_terminal(rig: TuiRig) -> None:
    run = rig.looping_run()
    tui = rig.open("--run", "last")
    tui.wait_for("Progress")
    tui.wait_for(r"running  looper")
    tui.wait_for(r"step\s+\d+ / 10,000,000")
    tui.press("c")
    tui.wait_for("checkpoint saved at step")
    tui.press("p")
    tui.wait_for("‖ paused")
    tui.press("p")
    tui.wait_for("● running")
    tui.press("o")
    tui.wait_for(r"step \d+ loss")
    for columns, rows in [(40, 12), (200, 60), (1, 1), (80, 24), (120, 40)] * 20:
        tui.resize(columns, rows)
    tui.press("d")
    tui.wait_for("Progress")
    tui.press("q")
    assert ended(tui) == 0
    assert "looper goes on" in tui.text
    assert rig.summary(run).facts.state == "running"


def test_a_polite_kill_restores_the_terminal_and_is_remembered(rig: TuiRig) -> None:
    run = rig.looping_run()
    tui = rig.open("--run", "last")
    tui.wait_for(r"running  looper")
    os.kill(tui.pid, signal.SIGTERM)
    assert ended(tui) == 0
    assert "looper goes on" in tui.text
    assert load_session(rig.paths).run == run.run_id


def test_kill_9_of_the_core(rig: TuiRig) -> None:
    run = rig.looping_run()
    tui = rig.open("--run", "last")
    tui.wait_for(r"step\s+\d+ / 10,000,000")
    old = rig.client.health().pid
    kill(old)
    tui.wait_for("nothing was lost")
    tui.wait_for("core up")
    assert rig.client.health().pid != old
    step = rig.summary(run).facts.step
    until(lambda: rig.summary(run).facts.step > step, "it goes on training")
    tui.wait_for(r"step\s+\d+ / 10,000,000")


def test_kill_9_of_the_ui_leaves_no_worker_and_the_run(rig: TuiRig) -> None:
    run = rig.looping_run()
    tui = rig.open("--run", "last")
    tui.wait_for(r"step\s+\d+ / 10,000,000")
    under = until(lambda: len(found := below(tui.pid)) > 2 and found, "zygote and workers")
    os.kill(tui.pid, signal.SIGKILL)
    until(lambda: not any(alive(process) for process in under), "zygote and workers end")
    assert rig.summary(run).facts.state == "running"
    again = rig.open()
    again.wait_for(r"running  looper")


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_kill_9_of_the_workers_and_of_the_zygote(rig: TuiRig) -> None:
    rig.looping_run()
    tui = rig.open("--run", "last")
    tui.wait_for(r"step\s+\d+ / 10,000,000")
    killed: set[psutil.Process] = set()
    for first in (-1, 0):
        for process in (now := below(tui.pid)[first:]):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        killed |= set(now)
        tui.wait_for("failed|killed by SIGKILL|starting")
        tui.wait_for(r"step\s+\d+ / 10,000,000")
    until(lambda: len(set(below(tui.pid)) - killed) > 2, "other workers")
    tui.press("q")
    assert ended(tui) == 0


def test_kill_9_of_the_trainer_is_said(rig: TuiRig) -> None:
    run = rig.looping_run()
    tui = rig.open("--run", "last")
    tui.wait_for(r"step\s+\d+ / 10,000,000")
    status = status_of(run)
    procs.send_signal(status.pid, status.pid_start, signal.SIGKILL)
    tui.wait_for("looper failed")
    tui.wait_for("✗ failed")


def test_two_terminals_show_the_same_run(rig: TuiRig) -> None:
    rig.looping_run()
    one, two = rig.open("--run", "last"), rig.open("--run", "last", size=(80, 24))
    for tui in (one, two):
        tui.wait_for(r"running  looper")
    one.press("p")
    for tui in (one, two):
        tui.wait_for("‖ paused")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "linux"}])
def test_a_terminal_without_colour_is_usable(rig: TuiRig, env: dict[str, str]) -> None:
    tui = rig.open(size=(80, 24), COLORTERM="", **env)
    tui.wait_for("Start the demo")
    tui.wait_for("core up")
    tui.press("?")
    tui.wait_for("Keys, those of")
    if "NO_COLOR" in env:
        colours = {cell.fg for row in tui.screen.buffer.values() for cell in row.values()}
        assert all(is_grey(colour) for colour in colours), colours


def is_grey(colour: str) -> bool:
    if not re.fullmatch("[0-9a-f]{6}", colour):
        return colour in {"default", "black", "white"}
    return colour[:2] == colour[2:4] == colour[4:]


def test_a_crash_of_ours_is_one_line_and_a_file(rig: TuiRig) -> None:
    broken = rig.folder / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import importlib\n"
        "real = importlib.import_module\n"
        "def hooked(name, *rest, **named):\n"
        "    module = real(name, *rest, **named)\n"
        "    if name == 'nanochat_host.ui.screens.home':\n"
        "        module.HomeScreen.show_model = lambda self, topics: 1 / 0\n"
        "    return module\n"
        "importlib.import_module = hooked\n"
    )
    tui = rig.open(PYTHONPATH=str(broken))
    assert ended(tui) == 1
    assert "the screen crashed, runs go on" in tui.text
    assert "Traceback" not in tui.text
    assert list(rig.paths.crashes.glob("*-ui.json"))


def test_nothing_heavy_is_imported_before_the_first_paint(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from nanochat_host.paths import Paths
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.deck import load_deck

class Probe(NanochatApp):
    CSS_PATH = sys.modules["nanochat_host.ui.app"].__file__.replace("app.py", "app.tcss")
    def _after_first_paint(self):
        heavy = {"fastapi", "pydantic", "uvicorn", "torch", "wandb", "httpx", "psutil", "pynvml",
                 "tomlkit", "multiprocessing", "nanochat_panels", "nanochat_host.core.api",
                 "nanochat_host.core.telemetry"}
        print("HEAVY", sorted(heavy & set(sys.modules)), file=sys.__stderr__)
        self.exit()

paths = Paths(Path(sys.argv[1]))
Probe(paths, deck=load_deck(paths, "default")).run(headless=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    # The program asked for a core on its way; it is not to outlive the test.
    client = CoreClient(Paths(tmp_path))

    def told() -> bool:
        with contextlib.suppress(NanochatCliError, OSError):
            client.shutdown()
            return True
        return False

    until(told, "the core is told to end")
    assert "HEAVY []" in done.stderr, done.stderr
