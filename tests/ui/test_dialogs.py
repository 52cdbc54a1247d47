"""Dialogs are closed once, however fast somebody types."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from app_rig import Host, until
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.chat import ChatScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen
from nanochat_host.ui.screens.help import help_of

OPEN: dict[str, Callable[[NanochatApp], object]] = {
    "palette": NanochatApp.action_command_palette,
    "themes": NanochatApp.action_ask_theme,
    "help": lambda app: app.push_screen(help_of(app)),
    "ask": lambda app: app.push_screen(AskScreen("A name", help="")),
}


@pytest.mark.parametrize("dialog", OPEN)
async def test_what_was_typed_before_a_dialog_had_gone_closes_nothing_else(
    host: Host, dialog: str
) -> None:
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the first answer")
        below: AskScreen = AskScreen("Another dialog, which stays", help="")
        app.push_screen(below)
        await until(pilot, lambda: app.screen is below, "the dialog below")
        app.call_later(OPEN[dialog], app)
        await until(pilot, lambda: app.screen is not below and app.screen.is_mounted, "it")
        top = app.screen
        for _ in range(3):
            top.dismiss(None)
        await until(pilot, lambda: app.screen is below, "it is closed")
        await pilot.pause()
        assert app.screen is below and len(app.screen_stack) == 2


async def test_a_question_is_answered_once(host: Host) -> None:
    app = host.app()
    answers: list[str | None] = []
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the first answer")
        question = ConfirmScreen("Delete it?", "", [Choice("delete", "y", "delete")])
        app.push_screen(question, answers.append)
        await until(pilot, lambda: app.screen is question and question.is_mounted, "it")
        for _ in range(3):
            question.dismiss("delete")
        await until(pilot, lambda: len(app.screen_stack) == 1, "it is closed")
        await pilot.pause()
    assert answers == ["delete"]


async def test_a_key_that_comes_before_its_screen_is_built_means_nothing(host: Host) -> None:
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the first answer")
        early = ChatScreen()
        assert await app.run_action("back", early) is False
        assert await app.run_action("app.jump", early) is True
