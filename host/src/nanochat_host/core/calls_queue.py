"""The requests about what is to run next, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import quote

from nanochat_host.core import wire_queue as wire
from nanochat_host.core.calls import Call


def _item(item_id: str, rest: str = "") -> str:
    return f"/v1/queue/{quote(item_id, safe='')}{rest}"


def queue() -> Call[wire.QueueInfo]:
    return Call("GET", "/v1/queue", wire.QueueInfo)


def add(wish: wire.QueueWish) -> Call[wire.QueueItem]:
    return Call("POST", "/v1/queue", wire.QueueItem, wish)


def pause(paused: bool) -> Call[wire.QueueInfo]:
    return Call("POST", "/v1/queue/pause", wire.QueueInfo, wire.QueuePause(paused))


def move(item_id: str, to: int) -> Call[wire.QueueInfo]:
    return Call("POST", _item(item_id, "/move"), wire.QueueInfo, wire.QueueMove(to))


def remove(item_id: str) -> Call[wire.QueueItem]:
    return Call("DELETE", _item(item_id), wire.QueueItem)
