"""Starting a run: options as the checkout declares them."""

from __future__ import annotations

import pytest
from app_rig import FakeCore, Host, screen_text, toasts, until
from nanochat_host.core import wire
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.start import StartScreen
from nanochat_host.ui.start_form import NAME, NPROC, StartForm, targets

INFO = wire.CheckoutInfo(
    ref=wire.CheckoutRef(name="tiny", path="/tiny", builtin=True),
    stages=[
        wire.StageInfo(
            "tok_train", "scripts.tok_train", "scripts/tok_train.py", "argparse",
            [wire.OptionInfo("vocab_size", "--vocab-size", "int", 512)],
        ),
        wire.StageInfo(
            "base_train", "scripts.base_train", "scripts/base_train.py", "argparse",
            [
                wire.OptionInfo("depth", "--depth", "int", 4, help="layers [b]of[/b] the model"),
                wire.OptionInfo("device", "--device", "str", "", choices=["", "cpu", "cuda"]),
                wire.OptionInfo("data", "--data", "str", None, required=True),
            ],
            trains=True,
        ),
        wire.StageInfo("broken", "scripts.broken", "scripts/broken.py", "none",
                       error="scripts/broken.py:3: invalid syntax"),
    ],
    pipelines=[
        wire.PipelineInfo(
            "demo", "runs/demo.sh",
            [wire.PipelineStep("scripts.tok_train"), wire.PipelineStep("scripts.base_train")],
        )
    ],
)  # fmt: skip


@pytest.fixture
def form() -> StartForm:
    return StartForm(next(t for t in targets(INFO) if t.name == "base_train"))


def test_pipelines_come_first_and_have_the_options_of_all_their_stages() -> None:
    found = list(targets(INFO))
    assert [t.name for t in found] == ["demo", "base_train", "tok_train", "broken"]
    assert [o.name for o in found[0].options] == ["vocab_size", "depth", "device", "data"]
    assert found[0].note == "tok_train → base_train"
    assert found[3].error


@pytest.mark.parametrize(
    ("name", "text", "trouble"),
    [
        ("depth", "six", "--depth takes int, and `six` is none"),
        ("device", "tpu", "`tpu` is not one of , cpu, cuda"),
        (NPROC, "0", "`0` is not a number of processes"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    form: StartForm, name: str, text: str, trouble: str
) -> None:
    assert form.put(name, text) == trouble
    assert form.values == {}


def test_only_what_was_changed_is_sent(form: StartForm) -> None:
    assert form.missing() == ["--data"]
    for name, text in [("depth", "6"), ("data", "x"), (NAME, "mine"), (NPROC, "2")]:
        assert form.put(name, text) == ""
    assert form.put("device", "cpu") == ""
    assert form.put("device", "") == "", "the default takes it back"
    assert form.missing() == []
    assert form.request() == wire.StartRun(
        checkout="tiny",
        target="base_train",
        options={"depth": "6", "data": "x"},
        nproc=2,
        name="mine",
    )


async def test_an_option_is_changed_and_the_run_started(host: Host, core: FakeCore) -> None:
    core.infos["tiny"] = INFO
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, StartScreen), "the start screen")
        screen = app.screen
        assert isinstance(screen, StartScreen)
        await until(pilot, lambda: screen.form.target is not None, "a target under the cursor")
        await pilot.press("down", "enter")
        assert screen.form.target is not None
        assert screen.form.target.name == "base_train"
        assert "layers [b]of[/b] the model" in screen_text(app)
        await pilot.press("s")
        await until(pilot, lambda: any("--data" in text for text in toasts(app)), "a refusal")
        assert core.sent == []
        options = screen.query_one("#options", RowList)
        for name, typed in (("data", "here"), ("depth", "6")):
            options.select(name)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, AskScreen), "a question")
            await pilot.press(*typed, "enter")
            await until(pilot, lambda: app.screen is screen, "the answer being taken")
        await pilot.press("s")
        await until(pilot, lambda: core.sent, "a start")
        assert core.sent == [
            wire.StartRun(
                checkout="tiny", target="base_train", options={"data": "here", "depth": "6"}
            )
        ]
        await until(pilot, lambda: app.current_mode == "dashboard", "the dashboard")


async def test_a_wrong_value_is_asked_again_with_the_reason(host: Host, core: FakeCore) -> None:
    core.infos["tiny"] = INFO
    app = host.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.press("n")
        await until(pilot, lambda: "demo" in screen_text(app), "the targets")
        screen = app.screen
        await pilot.press("enter")
        screen.query_one("#options", RowList).select("depth")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "a question")
        first = app.screen
        await pilot.press(*"six", "enter")
        await until(pilot, lambda: app.screen not in (first, screen), "the question again")
        await until(pilot, lambda: "takes int, and `six` is none" in screen_text(app), "a reason")


async def test_what_the_core_refuses_is_said(host: Host, core: FakeCore) -> None:
    core.refuse = "the checkout has a syntax error"
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        app.start_demo()
        await until(
            pilot,
            lambda: "the checkout has a syntax error\ndo something else" in toasts(app),
            "the reason",
        )
        assert app.current_mode == "home"
