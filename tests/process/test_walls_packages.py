"""A pack that is a package: it is found, and what lies around it stays unseen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.supervisor import Supervisor
from nanochat_sdk.payload import Text
from nanochat_sdk.protocol import View
from workers_stage import CALM, PATIENCE_S

MANIFEST = """
id = "parcel"
version = "1"
protocol = 1
title = "Parcel"

[[panels]]
id = "looks"
entry = "parcel.inner.looks:Looks"
title = "Looks"
help = "Lists what it can"
"""
LOOKS = """
import os

from nanochat_sdk import Panel
from nanochat_sdk.payload import Text
from parcel import WORD

PLACE = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def names(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        return type(error).__name__


class Looks(Panel):
    def render(self, size):
        seen = [WORD, names(PLACE + "/parcel"), names(PLACE), names(PLACE + "/beside")]
        seen.append(os.uname().nodename)
        return Text([[(str(line), "")] for line in seen])
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (inner := tmp_path / "parcel" / "inner").mkdir(parents=True)
    (tmp_path / "parcel" / "pack.toml").write_text(MANIFEST)
    (tmp_path / "parcel" / "__init__.py").write_text("from parcel.inner.word import WORD\n")
    (inner / "__init__.py").touch()
    (inner / "word.py").write_text("WORD = 'found'\n")
    (inner / "looks.py").write_text(LOOKS)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "secret-name").touch()
    return tmp_path


@pytest.mark.parametrize("highest", [Level.STRICT, Level.FULL])
async def test_a_package_is_imported_and_its_neighbours_stay_unseen(
    place: Path, highest: Level
) -> None:
    changed = asyncio.Event()
    supervisor = Supervisor(
        lambda _panel: changed.set(), CALM, highest=highest, allow_unsandboxed=["parcel"]
    )

    async def until(panel: PanelProcess, frames: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not (panel.ready and panel.frames >= frames):
                assert not panel.reason, panel.traceback
                changed.clear()
                await changed.wait()

    try:
        panel = supervisor.open(Catalog.discover([place]).panels["parcel:looks"], {}, ())
        await until(panel, 0)
        if panel.level is Level.NONE:
            pytest.skip("this kernel has no Landlock: nothing hides a folder")
        panel.pull(width=80, height=9, data=None, view=View(), force=True)
        await until(panel, 1)
    finally:
        await supervisor.close()
    assert isinstance(panel.payload, Text)
    word, own, above, beside, machine = (line[0][0] for line in panel.payload.lines)
    assert word == "found"
    assert "pack.toml" in own
    assert "secret" not in beside and above in ("PermissionError", "FileNotFoundError")
    if panel.level is Level.STRICT:
        assert machine == "panel", "the machine's own name often says whose it is"
