"""The requests about chats, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from nanochat_host.core import wire_chat as wire
from nanochat_host.core.calls import Call

FIRST_TOKEN_S = 900.0
"""Longest wait between two events: a large model is being loaded."""


def _chat(chat_id: str, rest: str = "") -> str:
    return f"/v1/chats/{quote(chat_id, safe='')}{rest}"


def chats(search: str = "", limit: int = 100) -> Call[list[wire.ChatInfo]]:
    path = f"/v1/chats?{urlencode({'search': search, 'limit': limit})}"
    return Call("GET", path, list[wire.ChatInfo])


def begin_chat(body: wire.NewChat) -> Call[wire.ChatInfo]:
    return Call("POST", "/v1/chats", wire.ChatInfo, body)


def chat(chat_id: str) -> Call[wire.Chat]:
    return Call("GET", _chat(chat_id), wire.Chat)


def delete_chat(chat_id: str) -> Call[wire.ChatInfo]:
    return Call("DELETE", _chat(chat_id), wire.ChatInfo)


def say(chat_id: str, body: wire.Say) -> Call[wire.ChatEvent]:
    """Answered by server-sent events: for `listen` of either client."""
    return Call("POST", _chat(chat_id, "/say"), wire.ChatEvent, body, answer_s=FIRST_TOKEN_S)


def stop_chat(chat_id: str) -> Call[wire.ChatInfo]:
    return Call("POST", _chat(chat_id, "/stop"), wire.ChatInfo)


def drivers() -> Call[list[wire.DriverInfo]]:
    return Call("GET", "/v1/drivers", list[wire.DriverInfo])


def prompts() -> Call[list[wire.Preset]]:
    return Call("GET", "/v1/prompts", list[wire.Preset])


def save_prompts(body: wire.SavePresets) -> Call[list[wire.Preset]]:
    return Call("POST", "/v1/prompts", list[wire.Preset], body)
