"""What panels of packs ask the core for, through its door."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from api_door import Door, open_door
from nanochat_host.core import calls_broker
from nanochat_host.core.async_client import AsyncCoreClient
from nanochat_host.core.wire_broker import PackAsks
from nanochat_sdk import Fetch, StoreGet, StorePut
from nanochat_sdk.asks import Answer, Ask, StoreList

KV = ["store:kv"]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


async def ask(client: AsyncCoreClient, what: Ask, granted: list[str], pack: str = "p") -> Answer:
    return await client.ask(calls_broker.ask(pack, PackAsks(what, granted)))


async def test_two_terminals_share_a_packs_notes_and_no_other_pack_does(door: Door) -> None:
    other = AsyncCoreClient(door.paths)
    try:
        assert (await ask(door.client, StorePut("k", b"\xff"), KV)).status == "ok"
        assert (await ask(other, StoreGet("k"), KV)).value == b"\xff"
        assert (await ask(other, StoreGet("k"), KV, "q")).status == "missing"
    finally:
        await other.close()


async def test_what_was_not_granted_is_denied_at_the_door_too(door: Door) -> None:
    assert (await ask(door.client, StoreGet("k"), [])).note == "store:kv"
    answer = await ask(door.client, Fetch("https://api.example.org/"), KV)
    assert (answer.status, answer.note) == ("denied", "net:api.example.org:443")


async def test_the_cores_own_door_is_not_reached_through_it(door: Door) -> None:
    answer = await ask(door.client, Fetch("http://127.0.0.1:80/"), ["net:127.0.0.1:80"])
    assert "not on the public internet" in answer.note


async def test_notes_can_be_forgotten(door: Door) -> None:
    await ask(door.client, StorePut("k", b"v"), KV)
    assert (await door.client.ask(calls_broker.clear_notes("p"))).status == "ok"
    assert (await ask(door.client, StoreList(), KV)).keys == []


@pytest.mark.parametrize("pack", ["..", "a/b", "A", "%2e%2e", "x" * 50, "a%00"])
async def test_a_pack_is_named_by_its_id(door: Door, pack: str) -> None:
    body = msgspec.msgpack.encode(PackAsks(StoreList(), KV))
    answer = await door.http.post(f"/v1/packs/{pack}/ask", content=body)
    assert answer.status_code in {404, 405, 422}
    assert set(answer.json()) == {"code", "message", "hint"}
    assert not (door.paths.packs / "kv").exists()


async def test_nonsense_is_refused(door: Door) -> None:
    asks: list[dict[str, object]] = [
        {}, {"ask": "files:write"}, {"ask": "store:get"}, {"ask": "store:get", "key": "../x"},
        {"ask": "store:put", "key": "k", "value": b"x" * 70_000}, {"ask": "net:fetch", "url": "x"},
        {"ask": "net:fetch", "url": "http://a/\r\nX: y"},
    ]  # fmt: skip
    for one in asks:
        body = msgspec.msgpack.encode({"ask": one, "granted": KV})
        await door.error("POST", "/v1/packs/p/ask", 422, content=body)
