"""Checkpoints on the screen: marks, compatibility with remedies, and what is done with them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from app_rig import Host, screen_text, toasts, until
from config_core import ConfigCore
from nanochat_host.core.wire_checkpoints import ReshardDone
from nanochat_host.errors import RefusedError
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.checkpoints.listing import folders
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.checkpoints import CheckpointsScreen
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.screens.start import StartScreen
from textual.pilot import Pilot

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import fake_weights as fake

sys.path.pop(0)

OPTIONS = {"depth": 2, "max_seq_len": 32, "resume_from_step": -1, "old_knob": 3}


class Stage:
    """An app on the checkpoints screen."""

    def __init__(self, app: NanochatApp, pilot: Pilot[Any], core: ConfigCore) -> None:
        self.app, self.pilot, self.core = app, pilot, core

    async def until(self, condition: Any, what: str) -> None:
        await until(self.pilot, condition, what)

    @property
    def text(self) -> str:
        return screen_text(self.app)

    async def at(self, name: str) -> None:
        """Put the cursor on a checkpoint and wait until it was looked into."""
        screen = self.app.screen
        assert isinstance(screen, CheckpointsScreen)
        screen.query_one("#checkpoints", RowList).select(f"fake:{name}")

        def seen() -> bool:
            item = screen.item
            return item is not None and (item.key, screen._against(item)) in screen._reports

        await self.until(
            lambda: screen.item and screen.item.info.id == name, f"{name} under the cursor"
        )
        await self.until(lambda: seen() and "looking at it" not in self.text, name)


@asynccontextmanager
async def open_list(folder: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Stage]:
    core = ConfigCore(folder)
    fake.save(core.base / "tokenizer" / "token_bytes.pt", {"sizes": fake.Weight((64,))})
    for step in (10, 20, 30):
        fake.checkpoint(core.base, step=step, ranks=2, user_config=OPTIONS, val_bpb=2 - step / 100)
    torn = fake.checkpoint(core.base, step=40) / "model_000040.pt"
    torn.write_bytes(torn.read_bytes()[:-300])
    fake.checkpoint(core.base, "chatsft", step=5, ranks=0)
    app = Host(folder / "home", core).app()
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await app.action_show("checkpoints")
        stage = Stage(app, pilot, core)
        await stage.until(lambda: "base/d2/000030" in stage.text, "the checkpoints")
        yield stage


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_every_stage_is_listed_with_its_state(tmp_path: Path, size: tuple[int, int]) -> None:
    async with open_list(tmp_path, size) as stage:
        lines = stage.text.splitlines()
        assert any("base/d2/000040" in line and "broken" in line for line in lines)
        assert any("base/d2/000030" in line and "whole" in line for line in lines)
        assert str(stage.core.base)[:24] in stage.text, "cut where there is no room"
        await stage.at("base/d2/000040")
        assert "model_000040.pt is cut short" in stage.text


async def test_what_does_not_fit_the_form_says_the_remedy(tmp_path: Path) -> None:
    async with open_list(tmp_path) as stage:
        await stage.at("base/d2/000030")
        assert "fits this checkout" in stage.text
        await stage.app.action_show("start")
        await stage.until(lambda: isinstance(stage.app.screen, StartScreen), "the form")
        start = stage.app.screen
        assert isinstance(start, StartScreen)
        await stage.until(lambda: "base_train" in stage.text, "the targets")
        start.query_one("#targets", RowList).select("fake/base_train")
        await stage.until(lambda: stage.app.starting.active is not None, "an active form")
        await stage.app.action_show("checkpoints")
        await stage.at("base/d2/000030")
        await stage.until(lambda: "does not fit what stands in the start form" in stage.text, "it")
        assert "depth is 4, it was trained with 2" in stage.text
        assert "set depth=2" in stage.text


async def test_resume_fills_the_form_from_what_it_was_trained_with(tmp_path: Path) -> None:
    async with open_list(tmp_path) as stage:
        await stage.at("base/d2/000020")
        await stage.pilot.press("u")
        await stage.until(lambda: isinstance(stage.app.screen, StartScreen), "the form")
        start = stage.app.screen
        assert isinstance(start, StartScreen)
        await stage.until(lambda: start.form.draft.parent == "base/d2/000020", "the draft")
        assert start.form.draft.edits == {
            "depth": 2, "max_seq_len": 32, "resume_from_step": 20, "model_tag": "d2",
        }  # fmt: skip
        assert start.form.draft.nproc == 2
        await stage.until(lambda: "checkpoint" in stage.text, "where the values are from")
        assert any("old_knob" in text for text in toasts(stage.app))


async def test_the_next_stage_begins_from_it_and_a_stage_that_cannot_resume_says_so(
    tmp_path: Path,
) -> None:
    async with open_list(tmp_path) as stage:
        await stage.at("sft/d2/000005")
        await stage.pilot.press("u")
        await stage.until(lambda: any("cannot resume" in t for t in toasts(stage.app)), "a reason")
        await stage.at("base/d2/000010")
        await stage.pilot.press("s")
        await stage.until(lambda: isinstance(stage.app.screen, StartScreen), "the form")
        start = stage.app.screen
        assert isinstance(start, StartScreen)
        await stage.until(lambda: start.form.draft.parent != "", "the draft")
        assert start.form.target is not None
        assert start.form.target.name == "chat_sft"
        assert start.form.draft.edits == {"model_tag": "d2", "model_step": 10}


async def test_chat_opens_with_the_checkpoint_under_the_cursor(tmp_path: Path) -> None:
    async with open_list(tmp_path) as stage:
        stage.core.answers["POST /v1/chats"] = RefusedError("the model is too large", "free some")
        await stage.at("base/d2/000020")
        await stage.pilot.press("c")
        await stage.until(lambda: stage.app.current_mode == "chat", "the chat screen")
        await stage.until(lambda: "/v1/chats" in stage.core.paths("POST"), "a chat begun")
        asked = next(call for call in stage.core.asked if call.path == "/v1/chats")
        assert b"base/d2/000020" in asked.body and b"fake" in asked.body


async def test_delete_and_prune_show_what_goes_first(tmp_path: Path) -> None:
    async with open_list(tmp_path) as stage:
        folder = stage.core.base / "base_checkpoints" / "d2"
        await stage.at("base/d2/000010")
        await stage.pilot.press("delete")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmScreen), "a question")
        await stage.until(lambda: "KiB, for good" in stage.text, "what it costs")
        await stage.pilot.press("escape")
        assert (folder / "model_000010.pt").exists()
        await stage.pilot.press("k")
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen), "how many")
        await stage.pilot.press("ctrl+u", "1", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmScreen), "what goes")
        await stage.until(lambda: "base/d2/000020" in stage.text, "names")
        await stage.pilot.press("y")
        await stage.until(lambda: not (folder / "model_000020.pt").exists(), "them gone")
        assert (folder / "model_000030.pt").exists(), "the newest whole one, and the best"
        await stage.until(lambda: "base/d2/000020" not in stage.text, "a shorter list")


async def test_converting_says_that_it_goes_on(tmp_path: Path) -> None:
    async with open_list(tmp_path) as stage:
        listed = stage.core.catalog.listing("fake").checkpoints[0]
        stage.core.answers["POST /v1/checkpoints/reshard"] = ReshardDone(listed, 2, 1)
        await stage.at("base/d2/000030")
        await stage.pilot.press("w")
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen), "for how many")
        await stage.pilot.press("1", "enter")
        await stage.until(lambda: any("for 1 process" in t for t in toasts(stage.app)), "done")
        screen = stage.app.screen
        assert isinstance(screen, CheckpointsScreen)
        assert "checkpoints" in screen.place()


def test_base_folders_shared_by_checkouts_are_shown_once(tmp_path: Path) -> None:
    core = ConfigCore(tmp_path)
    listed = core.catalog.listing("fake")
    found = folders([("fake", listed), ("other", listed), ("gone", "it is gone")])
    assert [(folder.checkouts, folder.error) for folder in found] == [
        (("fake", "other"), ""), (("gone",), "it is gone"),
    ]  # fmt: skip
