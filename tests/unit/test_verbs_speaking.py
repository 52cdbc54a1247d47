"""What `complete` and `chat` print, and how they end."""

from __future__ import annotations

from typing import Any, cast

import pytest
from nanochat_host.core import wire_chat as wire
from nanochat_host.core.client import CoreClient
from nanochat_host.errors import CoreUnavailableError, NanochatCliError
from nanochat_host.verbs.speaking import speak

PIECE = wire.ChatEvent("piece", text="once")


class Told:
    """A client of a core that tells these events."""

    def __init__(self, *events: wire.ChatEvent) -> None:
        self.events = events

    def listen(self, call: object) -> Any:
        return iter(self.events)


def said(*events: wire.ChatEvent) -> None:
    chat = wire.ChatInfo("20260101-000000-abcd", "fake", ["base/d2/000010"], "continue")
    speak(cast(CoreClient, Told(*events)), chat, wire.Say("x"), as_json=False)


def test_an_answer_that_the_core_did_not_end_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(CoreUnavailableError, match="closed the connection"):
        said(PIECE)
    assert capsys.readouterr().out == "once"
    said(PIECE, wire.ChatEvent("done"))
    with pytest.raises(NanochatCliError, match="it is gone"):
        said(PIECE, wire.ChatEvent("error", text="it is gone"), wire.ChatEvent("done"))
