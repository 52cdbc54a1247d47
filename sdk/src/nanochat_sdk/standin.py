"""A stand-in for the host's answers to `Panel.ask`: notes in memory, a network made of a function.

Used where there is no core: by `nanochat_sdk.testing` and by `nanochat-cli panel render`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TypeAlias

from nanochat_sdk.asks import (
    MAX_NOTES,
    MAX_STORE,
    Answer,
    Ask,
    Fetch,
    StoreDelete,
    StoreGet,
    StoreList,
    StorePut,
    permission_for,
)

Net: TypeAlias = Callable[[Fetch], Answer]


def no_network(fetch: Fetch) -> Answer:
    """What a `Fetch` gets where nothing is connected."""
    return Answer("failed", "there is no network here")


class StandIn:
    """store: notes by key. net: answers each `Fetch`."""

    def __init__(self, store: dict[str, bytes] | None = None, net: Net = no_network) -> None:
        self.store: dict[str, bytes] = {} if store is None else store
        self.net = net

    def answer(self, ask: Ask, granted: Container[str]) -> Answer:
        """As the core answers, limits included."""
        needed = permission_for(ask)
        if needed is None or needed not in granted:
            return Answer("denied", needed or "no permission covers this")
        return self.net(ask) if isinstance(ask, Fetch) else answer_from(self.store, ask)


def answer_from(
    store: dict[str, bytes], ask: StoreGet | StorePut | StoreDelete | StoreList
) -> Answer:
    """Do to the notes what is asked. A note that has no room leaves them as they were."""
    match ask:
        case StoreList():
            return Answer("ok", keys=sorted(store))
        case StoreGet(key=key):
            return Answer("ok", value=store[key]) if key in store else missing(key)
        case StoreDelete(key=key):
            return Answer("ok") if store.pop(key, None) is not None else missing(key)
        case StorePut(key=key, value=value):
            others = {name: note for name, note in store.items() if name != key}
            size = sum(len(name) + len(note) for name, note in others.items())
            if len(others) >= MAX_NOTES:
                return Answer("failed", f"a pack keeps at most {MAX_NOTES} notes: delete one first")
            if size + len(key) + len(value) > MAX_STORE:
                return Answer("failed", f"a pack keeps at most {MAX_STORE // 1024} KiB of notes")
            store[key] = value
            return Answer("ok")


def missing(key: str) -> Answer:
    """There is no such note."""
    return Answer("missing", f"no note `{key}`")
