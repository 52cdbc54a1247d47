"""Putting a run together: values judged as they are typed, the plan beside them, a start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from app_rig import Host, screen_text, toasts, until
from config_core import ConfigCore
from nanochat_host.core import wire
from nanochat_host.core.checkpoints.probes import Probes
from nanochat_host.core.preflight.checkpoint import Checkpoint
from nanochat_host.core.wire_checkpoints import CheckpointFinding, FormFill
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.model import ALL_TOPICS
from nanochat_host.ui.screens.choose import ChooseScreen
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.screens.prefabs import PrefabScreen
from nanochat_host.ui.screens.start import StartScreen
from textual.pilot import Pilot

SIZES = [(80, 24), (120, 40), (200, 60)]


class Stage:
    """An app on the start screen, `base_train` under the cursor."""

    def __init__(self, app: NanochatApp, pilot: Pilot[Any], core: ConfigCore) -> None:
        self.app, self.pilot, self.core = app, pilot, core

    @property
    def screen(self) -> StartScreen:
        return next(s for s in self.app.screen_stack if isinstance(s, StartScreen))

    async def until(self, condition: Any, what: str) -> None:
        await until(self.pilot, condition, what)

    async def looked(self) -> None:
        """The core has answered for what stands there, and it is painted."""
        look = self.screen.look
        await self.until(lambda: look.report is not None and not look._busy, "an answer")
        await self.pilot.pause()

    async def target(self, name: str) -> None:
        self.screen.query_one("#targets").select(f"fake/{name}")  # type: ignore[attr-defined]
        await self.until(lambda: self.screen.form.target.name == name, f"{name} under the cursor")
        await self.looked()
        self.screen.pane.table.focus()
        await self.pilot.pause()

    async def edit(self, key: str, *typed: str) -> None:
        """Begin to edit a row in place, type, and wait for the verdict."""
        self.screen.pane.table.select(key)
        await self.pilot.press("enter")
        await self.until(lambda: self.screen.pane.editing == key, f"{key} being edited")
        await self.pilot.press(*typed)
        await self.pilot.pause()
        await self.looked()

    @property
    def text(self) -> str:
        return screen_text(self.app)


@asynccontextmanager
async def open_start(
    folder: Path, size: tuple[int, int] = (120, 40), **core: Any
) -> AsyncIterator[Stage]:
    fake = ConfigCore(folder, **core)
    app = Host(folder / "home", fake).app()
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, StartScreen), "the start screen")
        stage = Stage(app, pilot, fake)
        await stage.until(lambda: stage.screen.form.target is not None, "a target")
        await stage.target("base_train")
        yield stage


@pytest.mark.parametrize("size", SIZES)
async def test_options_come_by_category_with_a_plan_and_preflight(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with open_start(tmp_path, size) as stage:
        text = stage.text
        for word in ("Run", "Core", "--depth", "parameters", "memory", "about"):
            assert word in text
        assert "preflight: nothing is wrong" in text
        assert "[b]" not in text or "[b]model[/b]" in text, "help is text, never markup"


async def test_a_value_is_edited_in_its_row_and_judged_while_it_is_typed(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        pane = stage.screen.pane
        await stage.edit("depth", *"six")
        assert pane.line.has_class("-wrong")
        assert "takes a whole number" in stage.text
        await stage.pilot.press("enter")
        await stage.looked()
        assert pane.editing == "depth", "what will not do is not taken"
        assert stage.screen.form.draft.edits == {}
        await stage.pilot.press("ctrl+u", *"8")
        await stage.until(lambda: "was 4" in stage.text, "the plan beside what is typed")
        await stage.pilot.press("enter")
        await stage.until(lambda: not pane.editing, "the value being taken")
        assert stage.screen.form.draft.edits == {"depth": "8"}
        await stage.looked()
        assert "edited" in stage.text
        await stage.pilot.press("backspace")
        await stage.looked()
        assert stage.screen.form.draft.edits == {}


async def test_tab_takes_the_nearest_legal_value_and_escape_leaves_all(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.edit("num_iterations", *"40steps")
        await stage.until(lambda: stage.screen.pane.nearest == "40", "the nearest value")
        await stage.pilot.press("tab")
        await stage.until(lambda: stage.screen.pane.line.value == "40", "it in the line")
        await stage.pilot.press("escape")
        await stage.until(lambda: not stage.screen.pane.editing, "the line closed")
        assert stage.screen.form.draft.edits == {}
        assert stage.app.current_mode == "start"


async def test_choices_and_switches_turn_without_typing(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        stage.screen.pane.table.select("device_type")
        await stage.pilot.press("right")
        await stage.looked()
        assert stage.screen.form.draft.edits == {"device_type": "cpu"}
        stage.screen.pane.table.select("fp8")
        await stage.pilot.press("enter")
        await stage.looked()
        assert stage.screen.form.draft.edits["fp8"] is True
        await stage.pilot.press("v")
        await stage.pilot.pause()
        assert "--depth" not in stage.text and "--fp8" in stage.text, "only what differs"


async def test_search_finds_by_name_and_help(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.pilot.press("slash", *"layers")
        await stage.until(lambda: "--max-seq-len" not in stage.text, "fewer rows")
        assert "--depth" in stage.text
        await stage.pilot.press("escape")
        await stage.until(lambda: "--max-seq-len" in stage.text, "all rows again")


async def test_an_error_refuses_the_start_and_one_key_accepts_its_fix(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.edit("total_batch_size", *"1000", "enter")
        await stage.until(lambda: not stage.screen.pane.editing, "the value being taken")
        await stage.looked()
        assert (
            "no multiple" in stage.text and "1: device_batch_size" in stage.text
        ) or "1: total" in stage.text
        await stage.pilot.press("s")
        await stage.until(lambda: any("not started" in t for t in toasts(stage.app)), "a refusal")
        assert stage.core.sent == []
        await stage.pilot.press("1")
        await stage.until(lambda: "preflight: nothing is wrong" in stage.text, "the fix")
        await stage.pilot.press("s")
        await stage.until(lambda: stage.core.sent, "a start")
        sent = stage.core.sent[0]
        assert isinstance(sent, wire.StartRun)
        assert (sent.checkout, sent.target, sent.prefab) == ("fake", "base_train", "")
        assert not sent.force and sent.options


async def test_a_warning_is_passed_with_a_word(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.edit("window_pattern", "ctrl+u", *"SL", "enter")
        await stage.until(lambda: "FlashAttention" in stage.text, "the warning")
        await stage.pilot.press("s")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmScreen), "a question")
        await stage.pilot.press("escape")
        await stage.until(lambda: not isinstance(stage.app.screen, ConfirmScreen), "no question")
        assert stage.core.sent == []
        await stage.pilot.press("s")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmScreen), "a question")
        await stage.pilot.press("s")
        await stage.until(lambda: stage.core.sent, "a start")
        assert stage.core.sent[0].options == {"window_pattern": "SL"}


async def test_a_prefab_is_chosen_differs_and_is_saved_as_a_difference(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.pilot.press("p")
        await stage.until(lambda: isinstance(stage.app.screen, PrefabScreen), "the prefabs")
        await stage.until(lambda: "speedrun" in stage.text, "their names")
        prefabs = stage.app.screen.query_one("#prefabs")
        prefabs.select("cpu-laptop")  # type: ignore[attr-defined]
        await stage.until(lambda: "8 x H100" in stage.text, "the matrix")
        assert "base_train: `eval_every` is no option" in stage.text.replace("\n", " ")
        await stage.pilot.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, StartScreen), "the form")
        await stage.looked()
        assert "eval_every" in stage.text and "leave out eval_every" in stage.text
        await stage.pilot.press("a")
        await stage.until(lambda: "is no option" not in stage.text, "all fixes")
        await stage.edit("depth", "ctrl+u", *"5", "enter")
        await stage.until(lambda: not stage.screen.pane.editing, "the value")
        await stage.looked()
        stage.screen.pane.table.select("depth")
        await stage.until(lambda: "was 6" in stage.text, "the difference")
        await stage.pilot.press("w")
        await stage.until(lambda: stage.app.screen is not stage.screen, "a question")
        await stage.pilot.press("ctrl+u", *"mine", "enter")
        saved = stage.core.home.prefabs / "mine.yaml"
        await stage.until(saved.exists, "the file")
        text = saved.read_text()
        assert "extends: cpu-laptop" in text and "depth: 5" in text
        assert "max_seq_len" not in text, "only the difference"
        await stage.until(lambda: stage.screen.form.draft.prefab == "mine", "it as the base")


async def test_another_machine_is_planned_for_and_this_one_started_on(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.pilot.press("g")
        await stage.until(lambda: isinstance(stage.app.screen, ChooseScreen), "the GPUs")

        await stage.pilot.press("8", "space", "x", "space", *"b200", "enter")
        await stage.until(lambda: "8 x B200" in stage.text, "the plan for it")
        assert stage.screen.form.wish().nproc == 8
        await stage.pilot.press("s")
        await stage.until(lambda: stage.core.sent, "a start")
        assert stage.core.sent[0].nproc is None


async def test_a_pipeline_says_which_step_cannot_work(tmp_path: Path) -> None:
    async with open_start(tmp_path, tokenizer=False) as stage:
        assert "there is no tokenizer" in stage.text
        await stage.target("demo")
        assert "preflight: nothing is wrong" in stage.text, "its first step makes the tokenizer"
        assert "base_train · Core" in stage.text and "recipe" in stage.text
        await stage.edit("base_train.total_batch_size", "ctrl+u", *"1000", "enter")
        await stage.until(lambda: "base_train: a batch of 1,000" in stage.text, "the finding")
        await stage.pilot.press("s")
        await stage.until(lambda: any("not started" in t for t in toasts(stage.app)), "a refusal")
        await stage.pilot.press("a")
        await stage.until(lambda: "preflight: nothing is wrong" in stage.text, "the fixes")
        assert all("." in key for key in stage.screen.form.draft.edits)


async def test_a_checkout_edited_meanwhile_is_read_anew(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        script = stage.core.checkout_path / "scripts" / "base_train.py"
        script.write_text("def broken(:\n")
        await stage.pilot.press("h")
        await stage.until(lambda: stage.app.current_mode == "home", "home")
        await stage.pilot.press("n")
        await stage.until(lambda: "scripts/base_train.py" in stage.text, "why it cannot start")


async def test_a_core_that_is_away_is_said_and_the_draft_stays(tmp_path: Path) -> None:
    async with open_start(tmp_path) as stage:
        await stage.edit("depth", "ctrl+u", *"5", "enter")
        await stage.until(lambda: not stage.screen.pane.editing, "the value")
        stage.core.up = False
        stage.screen.look.ask()
        await stage.until(lambda: "no core at core.sock" in stage.text, "the reason")
        assert stage.screen.form.draft.edits == {"depth": "5"}


async def test_what_goes_on_from_a_checkpoint_does_not_wait_for_other_checkouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_start(tmp_path) as stage:

        async def never(name: str) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(stage.app.link.client, "checkout", never)
        options = {"resume_from_step": 40}
        fill = FormFill("base/d4/000040", "base_train", options)
        stage.app.starting.fill = ("fake", fill)
        stage.screen.show_model(ALL_TOPICS)
        await stage.until(lambda: stage.screen.form.draft.parent == fill.checkpoint, "the fill")
        assert stage.app.starting.fill is None


async def test_weights_of_other_code_are_found_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = "the model of this checkout has smear, which the file has not"
    found: list[CheckpointFinding] = []
    asked: list[bool] = []

    def misfits(*_: Any, ask: bool) -> list[CheckpointFinding] | None:
        asked.append(ask)
        return found if ask and found else None

    monkeypatch.setattr(Probes, "misfits", misfits)
    monkeypatch.setattr(Checkpoint, "trouble", lambda *_: "")
    async with open_start(tmp_path) as stage:
        folder = stage.core.base / "base_checkpoints" / "d4"
        folder.mkdir(parents=True)
        (folder / "model_000010.pt").touch()
        await stage.target("chat_sft")
        await stage.until(lambda: "asking the checkout whether" in stage.text, "a question")
        await stage.until(lambda: True in asked, "the form asks by itself")
        found += [CheckpointFinding("error", "missing_weights", what, "use the older commit")]
        await stage.pilot.press("s")
        await stage.until(lambda: any("not started" in t for t in toasts(stage.app)), "refused")
        assert any(what in text for text in toasts(stage.app)) and stage.core.sent == []


async def test_a_checkout_that_could_not_answer_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = "whether the checkpoint fits this checkout is not known"
    asked: list[bool] = []

    def misfits(*_: Any, ask: bool) -> list[CheckpointFinding] | None:
        asked.append(ask)
        return [CheckpointFinding("note", "unknown", what)] if ask else None

    monkeypatch.setattr(Probes, "misfits", misfits)
    monkeypatch.setattr(Checkpoint, "trouble", lambda *_: "")
    async with open_start(tmp_path) as stage:
        folder = stage.core.base / "base_checkpoints" / "d4"
        folder.mkdir(parents=True)
        (folder / "model_000010.pt").touch()
        await stage.target("chat_sft")
        for times in (1, 2):
            await stage.until(lambda: sum(asked) == times, "it is asked")  # noqa: B023
            await stage.until(lambda: what in " ".join(stage.text.split()), "it is said")
            stage.screen.look.ask()
