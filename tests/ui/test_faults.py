"""Errors of our own, while somebody sits before the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from app_rig import Host, toasts, until
from nanochat_host.ui.faults import MANY
from nanochat_host.ui.screens.ask import AskScreen
from textual.geometry import Offset
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget


class Broken(Message):
    """Whoever handles it fails."""


class Fragile(Widget):
    heard = 0

    def on_broken(self, message: Broken) -> None:
        self.heard += 1
        raise LookupError(f"no {self.heard}")


@pytest.fixture(autouse=True)
def textual_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(MessagePump, "_dispatch_message", MessagePump._dispatch_message)
    yield


async def test_a_handler_that_fails_costs_no_more_than_what_it_would_have_done(host: Host) -> None:
    app = host.app()
    app.lasting = True
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.outliving, "it is up")
        fragile = Fragile()
        await app.screen.mount(fragile)
        for count in (1, 2):
            fragile.post_message(Broken())
            await until(pilot, lambda count=count: fragile.heard == count, "it is heard, deaf not")
        app.call_later(lambda: 1 // 0)
        await until(pilot, lambda: "ZeroDivisionError" in " ".join(toasts(app)), "a toast")
        await pilot.press("f1")
        await until(pilot, lambda: len(app.screen_stack) == 2, "keys are answered")
    dumps = [json.loads(file.read_text()) for file in host.paths.crashes.glob("*.json")]
    assert {dump["summary"].partition(":")[0] for dump in dumps} >= {"ZeroDivisionError"}
    assert app.crash_file is None and not app.return_code


async def test_errors_without_end_end_it_and_leave_a_file(host: Host) -> None:
    app = host.app()
    app.lasting = True
    with pytest.raises(LookupError, match=f"no {MANY}"):
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: app.outliving, "it is up")
            fragile = Fragile()
            await app.screen.mount(fragile)
            for _ in range(MANY):
                fragile.post_message(Broken())
            await until(pilot, lambda: fragile.heard == MANY, "all are heard")
    assert app.crash_file is not None and app.crash_file.exists()
    assert app.return_code == 1


async def test_without_a_person_the_first_error_is_the_last(host: Host) -> None:
    app = host.app()
    with pytest.raises(LookupError, match="no 1"):
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: app.model.loaded, "it is up")
            fragile = Fragile()
            await app.screen.mount(fragile)
            fragile.post_message(Broken())
            await until(pilot, lambda: fragile.heard == 1, "it is heard")


async def test_a_palette_closed_while_it_looks_leaves_no_error(host: Host) -> None:
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "it is up")
        for _ in range(3):
            app.action_command_palette()
            await until(pilot, lambda: app.screen.is_mounted and app.screen.is_active, "it")
            await pilot.press("z", "q", "pageup", "pagedown", "home")
            app.screen.dismiss()
            await until(pilot, lambda: len(app.screen_stack) == 1, "it is closed")
        app.push_screen(AskScreen("A name", help=""))
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "the next dialog")


@pytest.mark.parametrize("above", ["nothing", "a dialog", "the palette"])
async def test_a_click_on_what_is_just_removed_is_a_click_on_nothing(
    host: Host, above: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "it is up")
        below = app.screen
        if above == "a dialog":
            app.push_screen(AskScreen("A name", help=""))
        elif above == "the palette":
            app.action_command_palette()
        await until(pilot, lambda: above == "nothing" or app.screen is not below, "it is up")
        gone = Fragile()  # it has no parent any more
        monkeypatch.setattr(Screen, "get_widget_and_offset_at", lambda *_: (gone, Offset(0, 0)))
        await pilot.click(offset=(5, 5))
        await pilot.press("f1")
    assert app.crash_file is None
