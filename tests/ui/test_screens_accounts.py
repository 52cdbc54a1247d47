"""Health, sources and accounts; and a token that is typed in, and is nowhere to be seen."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
import pytest
from app_rig import Host, following, leave, make_run, screen_text, toasts, until
from ask_core import AskCore
from nanochat_host.core.calls import Call
from nanochat_host.core.wire import StreamMessage
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.core.wire_outside import (
    AccountInfo,
    ImportedToken,
    ImportTokens,
    Login,
    OtlpListener,
    OtlpStatus,
    SourceInfo,
)
from nanochat_host.errors import RefusedError
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.model import Topic
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.screenshot import save_screenshot

CANARY = f"canary-{secrets.token_hex(8)}"
PAGE = "https://wandb.ai/me/nanochat/runs/ab12cd34"


@pytest.fixture
def core() -> AskCore:
    core = AskCore()
    core.run_list = [make_run("one", name="first")]
    wandb = AccountInfo("wandb", "Weights & Biases", "WANDB_API_KEY", page="https://wandb.ai/a")
    hf = AccountInfo("hf", "Hugging Face", "HF_TOKEN", "keyring", "typed in", 1000.0, "https://h")

    def login(call: Call[Any]) -> AccountInfo:
        wish = msgspec.json.decode(call.body, type=Login)
        if wish.token != CANARY:
            raise RefusedError("Weights & Biases does not know that token", "copy it again")
        wandb.where, wandb.origin = "file", "typed in"
        return msgspec.structs.replace(wandb, checked_as="me")

    core.answers |= {
        "GET /v1/accounts": lambda call: [wandb, hf],
        "POST /v1/accounts": login,
        "DELETE /v1/accounts/hf": hf,
        "POST /v1/accounts/hf/check": RefusedError("Hugging Face refuses the token", "renew it"),
        "POST /v1/accounts/import": [ImportedToken("wandb", "~/.netrc", "others can read it")],
        "GET /v1/runs/one/sources": [
            SourceInfo("hook", "live", heard_at=1000.0),
            SourceInfo("log", "stale 40 s"),
            SourceInfo("wandb", "retrying", "HTTP 503, again in 8 s", page=PAGE),
            SourceInfo("otlp", "off"),
        ],
        "GET /v1/otlp": OtlpStatus([OtlpListener("http", "127.0.0.1:4318", "live")]),
        "POST /v1/otlp/check": OtlpStatus(
            [OtlpListener("http", "127.0.0.1:4318", "live", checked_ms=3.4)]
        ),
    }
    return core


async def opened(app: Any, pilot: Any) -> RowList:
    await until(pilot, lambda: app.model.run_id == "one", "the run on show")
    await app.action_show("accounts")
    await until(pilot, lambda: app.screen.accounts and app.screen.sources, "the answers")
    rows: RowList = app.screen.query_one("#list", RowList)
    return rows


async def asked_for_a_token(app: Any, pilot: Any) -> None:
    rows = await opened(app, pilot)
    rows.select("account:wandb")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, AskScreen), "the question")


async def test_each_source_says_how_it_stands_and_why(host: Host, core: AskCore) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: following(core, "one"), "the stream")
        core.say(StreamMessage(health=[HealthPart("data", "data", "34 %", "bad", "a slow disk")]))
        await until(pilot, lambda: "a slow disk" in screen_text(app), "health with its reason")
        text = screen_text(app)
        for words in ("● hook", "◐ log", "stale 40 s", "↻ W&B", "HTTP 503, again in 8 s", PAGE):
            assert " ".join(words.split()) in " ".join(text.split()), words


async def test_what_a_run_streams_asks_nothing_of_the_core(host: Host) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: not app.screen._asking, "quiet")
        app.screen.show_model(Topic.RUN | Topic.MACHINE)
        assert not app.screen._asking
        app.screen.show_model(Topic.RUNS)
        assert app.screen._asking


async def test_the_link_is_copied(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    app = host.app(run="one")
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("y")
        await until(pilot, lambda: copied == [PAGE], "a copy")


async def test_a_typed_token_is_on_no_screen_no_picture_and_in_no_file(
    host: Host, core: AskCore
) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        await asked_for_a_token(app, pilot)
        await pilot.press(*CANARY)
        await pilot.pause()
        assert CANARY not in screen_text(app) and "•" in screen_text(app)
        assert CANARY not in save_screenshot(app).read_text().replace("&#160;", " ")
        await pilot.press("enter")
        await until(pilot, lambda: any("as me" in text for text in toasts(app)), "a login")
        await until(pilot, lambda: "as me" in screen_text(app), "the account")
        assert CANARY not in screen_text(app) + "".join(toasts(app)) + app.export_screenshot()
        await leave(pilot)
    sent = [call for call in core.asked if call.path == "/v1/accounts" and call.body]
    assert len(sent) == 1 and CANARY not in repr(msgspec.json.decode(sent[0].body, type=Login))
    files = [path for path in host.paths.home.rglob("*") if path.is_file()]
    assert files and not any(CANARY.encode() in path.read_bytes() for path in files)


async def test_a_refused_token_says_why_and_an_empty_line_does_nothing(
    host: Host, core: AskCore
) -> None:
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        await asked_for_a_token(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, AskScreen), "no question")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "the question")
        await pilot.press(*"wrong-token", "enter")
        await until(pilot, lambda: any("does not know" in t for t in toasts(app)), "why")
        assert core.paths("POST") == ["/v1/accounts"]


async def test_check_import_forget_and_prove(
    host: Host, core: AskCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_shell")
    app = host.app(run="one")
    async with app.run_test(size=(120, 40)) as pilot:
        rows = await opened(app, pilot)
        rows.select("account:hf")
        await pilot.press("c")
        await until(pilot, lambda: "refuses the token" in screen_text(app), "the verdict")
        await pilot.press("i")
        await until(pilot, lambda: any("others can read it" in t for t in toasts(app)), "import")
        call = next(call for call in core.asked if call.path == "/v1/accounts/import")
        wish = msgspec.json.decode(call.body, type=ImportTokens)
        assert wish.environ == {"HF_TOKEN": "hf_of_this_shell"}
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: core.paths("DELETE") == ["/v1/accounts/hf"], "forgotten")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen), "the screen")
        rows.select("otlp:http")
        await pilot.press("enter")
        await until(pilot, lambda: "a test span took 3 ms" in screen_text(app), "proof")
        assert "hf_of_this_shell" not in screen_text(app)
