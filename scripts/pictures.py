"""The pictures of the documentation, exported from the running program.

A core with a home of its own trains the embedded model twice while the screens are visited as a
person would. Takes some four minutes. `--only payloads` draws the payloads of docs/panels.md alone.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import math
import os
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nanochat_host.core.client import CoreClient
from nanochat_host.core.start import ensure_core
from nanochat_host.core.wire import StartRun, StopRun
from nanochat_host.paths import Paths, atomic_write
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.deck import load_deck
from nanochat_host.ui.render.draw import draw
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.themes import THEMES
from nanochat_sdk import (
    Axis,
    BoolField,
    Cells,
    Chart,
    Child,
    ChoiceField,
    Column,
    Editor,
    Form,
    Gauge,
    Heatmap,
    Mark,
    NumberField,
    Payload,
    Plot,
    Rule,
    Stack,
    Table,
    Text,
    TextField,
    pack,
)
from rich.console import Console
from rich.text import Text as RichText
from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE = (150, 44)
Scene = Callable[[Pilot[Any], NanochatApp], Awaitable[None]]


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str) -> None:
    """Let the program work until the condition holds. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"never happened: {what}")
        await pilot.pause(0.05)


def shoot(app: NanochatApp, name: str) -> None:
    """Write the screen as docs/images/NAME.svg."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    atomic_write(IMAGES / f"{name}.svg", app.export_screenshot(title="nanochat-cli"))
    print(f"docs/images/{name}.svg")


async def dashboard(pilot: Pilot[Any], app: NanochatApp) -> None:
    """A run at work; then its layout being edited; then the gallery of panels."""
    await until(pilot, lambda: app.model.live, "a live run")
    await pilot.pause(6.0)
    shoot(app, "dashboard")
    await pilot.press("E")
    await pilot.pause(0.5)
    await pilot.press("tab", "shift+right")
    await pilot.pause(1.0)
    shoot(app, "edit")
    await pilot.press("a", *["down"] * 5)
    await pilot.pause(3.0)
    shoot(app, "gallery")
    await pilot.press("escape")


async def configure(pilot: Pilot[Any], app: NanochatApp) -> None:
    """Options by category, the plan and the preflight."""
    await app.action_new_run("tiny")
    await pilot.pause(3.0)
    await pilot.press("down", "down")
    await pilot.pause(2.0)
    shoot(app, "configure")


async def compare(pilot: Pilot[Any], app: NanochatApp) -> None:
    """Two runs in one chart."""
    await app.action_show("compare")
    await pilot.pause(3.0)
    shoot(app, "compare")


async def consent(pilot: Pilot[Any], app: NanochatApp) -> None:
    """What a pack asks for before it is installed."""
    await app.action_show("packs")
    await pilot.pause(1.0)
    await pilot.press("i")
    await pilot.pause(0.5)
    for character in str(app.paths.home.parent / "cost-ticker"):
        await pilot.press("slash" if character == "/" else character)
    await pilot.press("enter")
    await pilot.pause(2.0)
    shoot(app, "consent")


async def checkpoints(pilot: Pilot[Any], app: NanochatApp) -> None:
    """What was saved, whether it is whole, what it fits."""
    await app.action_show("checkpoints")
    await pilot.pause(3.0)
    shoot(app, "checkpoints")


async def visit(paths: Paths, run: str, *scenes: Scene, layout: str = "default") -> None:
    """One after another in one program."""
    app = NanochatApp(paths, run=run, deck=load_deck(paths, layout))
    async with app.run_test(size=SIZE) as pilot:
        for scene in scenes:
            await scene(pilot, app)


def wait_for_step(client: CoreClient, run: str, step: int) -> None:
    """Until the run has come that far, or ended."""
    while True:
        facts = client.run(run).summary.facts
        if facts.stage == "base_train" and facts.step >= step:
            return
        if facts.state in ("done", "failed", "lost"):
            return
        time.sleep(0.5)


def screens() -> None:
    """All pictures of screens."""
    base = Path(tempfile.mkdtemp(prefix="nanochat-"))
    shutil.copytree(ROOT / "examples" / "cost-ticker", base / "cost-ticker")
    home = base / "home"
    os.environ["NANOCHAT_CLI_HOME"] = str(home)
    paths = Paths.from_env()
    ensure_core(paths)
    client = CoreClient(paths)
    try:
        first = client.start_run(StartRun("tiny", "demo", name="warm-up",
                                          options={"num_iterations": 150}))  # fmt: skip
        wait_for_step(client, first.facts.id, 150)
        second = client.start_run(StartRun("tiny", "demo", name="overnight",
                                           options={"num_iterations": 900}))  # fmt: skip
        wait_for_step(client, second.facts.id, 240)
        scenes = (dashboard, configure, compare, checkpoints, consent)
        asyncio.run(visit(paths, second.facts.id, *scenes))
    finally:
        for run in client.runs():
            if run.facts.state not in ("done", "failed", "lost"):
                client.stop_run(run.facts.id, StopRun(mode="kill"))
        client.shutdown()
        shutil.rmtree(base, ignore_errors=True)


def payload_pictures() -> dict[str, tuple[Payload, int, int]]:
    """A sample of each payload, with its size in cells."""
    rng = random.Random(1)
    steps = [float(10 * n) for n in range(120)]
    loss = [2 + 5 * math.exp(-n / 20) + rng.gauss(0, 0.08) for n in range(120)]
    val = [2.1 + 5 * math.exp(-n / 20) for n in range(0, 120, 10)]
    curves = [
        Plot("train", pack(steps), pack(loss), "series-1"),
        Plot("val", pack(steps[::10]), pack(val), "series-2", draw="points"),
    ]
    heat = [math.sin(x / 7) * math.cos(y / 2) for y in range(6) for x in range(50)]
    fields = [
        TextField("name", "Name", "overnight"),
        NumberField("lr", "Learning rate", 0.02, lo=0.0, hi=1.0),
        ChoiceField("stage", "Stage", ["base_train", "chat_sft"]),
        BoolField("save", "Save when done", True),
    ]
    gauge = Gauge("memory", 0.71, "57.1 of 80 GiB", warn=0.8, error=0.95)
    return {
        "text": (Text([[("loss ", "muted"), ("2.31", "bold")], [("best so far", "success")]]),
                 40, 2),
        "table": (Table([Column("step", "right", 8), Column("loss", "right", 8), Column("note")],
                        [[("100", ""), ("3.21", ""), ("", "")], [("200", ""), ("2.87", "success"),
                         ("best", "muted")]], selected=1), 40, 3),
        "chart": (Chart(curves, Axis("step", "int"), Axis("loss"), marks=[Mark(600.0, 2.6)],
                        rules=[Rule(2.0, "target")]), 70, 16),
        "gauge": (gauge, 60, 2),
        "heatmap": (Heatmap([f"layer {n}" for n in range(6)], 50, pack(heat)), 64, 8),
        "cells": (Cells([[("▲ ", "success"), ("up 3.2 %", "bold")], [("▼ ", "error"),
                         ("down 1.1 %", "bold")]]), 40, 2),
        "stack": (Stack([Child(gauge, size=2), Child(Chart(curves, Axis("step", "int")))]), 70, 14),
        "form": (Form(fields, title="Next run", submit="Start it"), 56, 7),
        "editor": (Editor("Once upon a time\nthere was a model", title="Prompt"), 56, 6),
    }  # fmt: skip


def payloads() -> None:
    """A picture of each payload as the host draws it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    palette = palette_of(THEMES[0])
    for name, (payload, width, height) in payload_pictures().items():
        console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
        for strip in draw(payload, width, height, palette):
            line = RichText.assemble(*((s.text, s.style or "") for s in strip))
            console.print(line, no_wrap=True, crop=False)
        atomic_write(IMAGES / f"payload-{name}.svg", console.export_svg(title=name))
        print(f"docs/images/payload-{name}.svg")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["screens", "payloads"])
    only = parser.parse_args().only
    if only != "screens":
        payloads()
    if only != "payloads":
        screens()
