"""Questions of real workers: what is answered, what is denied, and which files may be read."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nanochat_host.packs import process
from nanochat_host.packs.broker import A_FRAME, MAX_OPEN
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.files import Files, readable_files
from nanochat_host.packs.offline import render_once
from nanochat_host.packs.process import PanelProcess, PanelState
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.supervisor import Supervisor
from nanochat_sdk import Data, EditorSubmitted, FormSubmitted, Input
from nanochat_sdk.asks import Answer, StorePut
from nanochat_sdk.payload import Editor, Form, Text
from workers_stage import CALM, CATALOG, Stage, on_stage, text

STORE = ("store:kv",)


def asks(what: str, count: int = 1) -> Input:
    return Input("select", text=what, row=count)


async def asker(stage: Stage, *granted: str) -> PanelProcess:
    entry = CATALOG.entry("fixture:asker")
    panel = stage.supervisor.open(entry, {}, granted)
    await stage.until(lambda: panel.ready)
    return panel


async def test_a_question_waits_for_the_core_and_its_answer_comes_with_a_frame() -> None:
    async with on_stage() as stage:
        panel = await asker(stage, *STORE)
        await stage.frame(panel, now=1.0, inputs=[asks("put")])
        (asked,) = panel.desk.take_wanted()
        assert asked.ask == StorePut("k", b"v")
        assert not panel.desk.has_answers
        panel.desk.answer(asked.number, Answer("ok", value=b"kept"))
        await stage.frame(panel)
        assert "told 1:ok:kept" in text(panel)
        assert panel.desk.take_answers() == {}


async def test_what_was_not_granted_is_denied_at_once_and_named() -> None:
    async with on_stage() as stage:
        panel = await asker(stage, *STORE)
        await stage.frame(panel, now=1.0)
        assert "denied ['net:site.example:80']" in text(panel)
        await stage.frame(panel, inputs=[asks("fetch")])
        assert panel.desk.take_wanted() == []
        await stage.frame(panel)
        assert "1:denied:net:site.example:80" in text(panel)


async def test_a_flood_of_questions_stays_small() -> None:
    async with on_stage() as stage:
        panel = await asker(stage, *STORE)
        await stage.frame(panel, inputs=[asks("list", 500)])
        for _ in range(10):
            await stage.frame(panel)
        assert len(panel.desk.take_wanted()) == MAX_OPEN
        assert 0 < len(panel.desk.take_answers()) <= A_FRAME
        assert panel.state is PanelState.LIVE


async def test_an_answer_for_a_worker_that_is_gone_reaches_no_other() -> None:
    async with on_stage() as stage:
        panel = await asker(stage, *STORE)
        await stage.frame(panel, inputs=[asks("get")])
        (asked,) = panel.desk.take_wanted()
        late = panel.desk
        panel.restart()
        await stage.until(lambda: panel.ready)
        await stage.frame(panel, inputs=[asks("get")])
        late.answer(asked.number, Answer("ok", value=b"stale"))
        await stage.frame(panel)
        assert "stale" not in text(panel)


async def test_a_form_and_an_editor_are_sent_to_the_panel() -> None:
    async with on_stage() as stage:
        panel = await stage.live("signer")
        await stage.frame(panel)
        assert isinstance(panel.payload, Form)
        sent = FormSubmitted(form="form", values={"why": "so", "depth": 5})
        await stage.frame(panel, inputs=[sent])
        assert isinstance(panel.payload, Editor)
        assert panel.payload.message == "form form {'why': 'so', 'depth': 5}"
        await stage.frame(panel, inputs=[EditorSubmitted(editor="editor", text="a\nb")])
        assert isinstance(panel.payload, Form)
        assert panel.payload.message == "editor editor 'a\\nb'"


def test_without_a_screen_a_stand_in_answers() -> None:
    payload = render_once(CATALOG.entry("fixture:asker"), {}, Data(now=1.0), 60, 5)
    assert payload == Text([[("denied [] told ", "")]])


READER = '''
from nanochat_sdk import Panel, Text

class Reader(Panel):
    """Opens what it is told to open, and says how that went."""

    said = ""
    denied = []

    def update(self, data):
        self.denied = data.denied
        return True

    def on_input(self, event):
        try:
            with open(event.text) as file:
                self.said = file.read()
        except OSError as error:
            self.said = type(error).__name__
        return True

    def render(self, size):
        return Text([[(self.said + " denied " + " ".join(self.denied), "")]])
'''
PACK = """
id = "reader"
version = "1"
protocol = 1
title = "Reader"
[[panels]]
id = "one"
entry = "reader_panel:Reader"
title = "Reader"
help = "Reads a file"
capabilities = ["files:read:{path}"]
"""


class Reading:
    """A pack that may read one path, behind walls of a level."""

    def __init__(self, folder: Path, path: Path, level: Level) -> None:
        self.permission = f"files:read:{path}"
        pack = folder / "pack"
        pack.mkdir(mode=0o755, exist_ok=True)
        (pack / "reader_panel.py").write_text(READER)
        (pack / "pack.toml").write_text(PACK.format(path=path))
        self.catalog = Catalog.discover([pack])
        self._level = level

    @asynccontextmanager
    async def opened(self, *granted: str) -> AsyncIterator[tuple[Stage, PanelProcess]]:
        async with on_stage() as stage:
            await stage.supervisor.close()
            stage.supervisor = Supervisor(
                stage._on_change, CALM, highest=self._level, allow_unsandboxed=["reader"]
            )
            panel = stage.supervisor.open(self.catalog.entry("reader:one"), {}, granted)
            await stage.until(lambda: panel.ready)
            yield stage, panel


async def read(stage: Stage, panel: PanelProcess, path: Path) -> str:
    await stage.frame(panel, now=1.0, inputs=[Input("click", text=str(path))])
    return text(panel)


needs_walls = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the walls are Linux's")
levels = pytest.mark.parametrize("level", [Level.FULL, Level.STRICT])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a file, and another that nobody speaks of."""
    for name in ("data", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text(f"from {name}")
    return tmp_path


@needs_walls
@levels
async def test_a_granted_folder_is_read_and_nothing_beside_it(data: Path, level: Level) -> None:
    reading = Reading(data, data / "data", level)
    async with reading.opened(reading.permission) as (stage, panel):
        assert await read(stage, panel, data / "data/file.txt") == "from data denied "
        assert "Error" in await read(stage, panel, data / "other/file.txt")
        assert "Error" in await read(stage, panel, data / "data/../other/file.txt")


@needs_walls
@levels
async def test_a_granted_file_is_read_through_a_link(data: Path, level: Level) -> None:
    link = data / "link"
    link.symlink_to(data / "data/file.txt")
    reading = Reading(data, link, level)
    async with reading.opened(reading.permission) as (stage, panel):
        by_link = await read(stage, panel, link)
        by_name = await read(stage, panel, data / "data/file.txt")
        # Below strict the link itself may be looked at, and leads to what was granted.
        assert (by_link, by_name) == ("from data denied ", "from data denied ")


@needs_walls
@levels
async def test_a_link_inside_a_granted_folder_leads_nowhere(data: Path, level: Level) -> None:
    (data / "data/out").symlink_to(data / "other/file.txt")
    reading = Reading(data, data / "data", level)
    async with reading.opened(reading.permission) as (stage, panel):
        assert "Error" in await read(stage, panel, data / "data/out")


async def test_a_disk_that_is_slow_to_answer_holds_up_one_panel_only(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def noted(granted: Iterable[str]) -> Files:
        threads.append(threading.current_thread())
        return readable_files(granted)

    monkeypatch.setattr(process, "readable_files", noted)
    reading = Reading(data, data / "data", Level.STRICT)
    async with reading.opened(reading.permission):
        assert len(threads) == 1 and threads[0] is not threading.main_thread()


@needs_walls
async def test_without_the_grant_it_is_denied_and_named(data: Path) -> None:
    reading = Reading(data, data / "data", Level.STRICT)
    async with reading.opened() as (stage, panel):
        said = await read(stage, panel, data / "data/file.txt")
        assert "Error" in said
        assert said.endswith(f"denied {reading.permission}")


@needs_walls
async def test_a_link_turned_to_a_key_after_the_grant_is_refused(data: Path) -> None:
    (data / ".ssh").mkdir()
    (data / ".ssh/id_ed25519").write_text("KEY")
    link = data / "data/latest"
    link.symlink_to(data / "data/file.txt")
    reading = Reading(data, link, Level.STRICT)
    link.unlink()
    link.symlink_to(data / ".ssh/id_ed25519")
    async with reading.opened(reading.permission) as (stage, panel):
        said = await read(stage, panel, link)
        assert "KEY" not in said
        assert said.endswith(f"denied {reading.permission}")
