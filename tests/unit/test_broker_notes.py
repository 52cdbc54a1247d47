"""Notes of packs, and how often a pack may ask."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.core.broker import service
from nanochat_host.core.broker.fetch import Fetcher
from nanochat_host.core.broker.rates import Bucket
from nanochat_host.core.broker.service import AT_ONCE, FETCHES_BURST, NOTES_BURST, Broker
from nanochat_host.core.broker.store import Notes
from nanochat_host.paths import Paths
from nanochat_sdk.asks import MAX_NOTES, Answer, Fetch, StoreDelete, StoreGet, StoreList, StorePut

KV = ["store:kv"]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a slow machine: what may be asked for at once is all there is."""
    monkeypatch.setattr(service, "Bucket", partial(Bucket, clock=lambda: 0.0))


def test_a_note_is_kept_for_its_pack_alone_and_survives(paths: Paths) -> None:
    assert Notes(paths).answer("a", StorePut("k", b"\x00v")).status == "ok"
    again = Notes(paths)
    assert again.answer("a", StoreGet("k")).value == b"\x00v"
    assert again.answer("b", StoreGet("k")).status == "missing"
    assert again.answer("a", StoreList()).keys == ["k"]
    assert again.answer("a", StoreDelete("k")).status == "ok"
    assert again.answer("a", StoreDelete("k")).status == "missing"


def test_two_cores_of_one_home_see_the_same(paths: Paths) -> None:
    one, other = Notes(paths), Notes(paths)
    one.answer("a", StorePut("k", b"1"))
    other.answer("a", StorePut("l", b"2"))
    assert one.answer("a", StoreList()).keys == ["k", "l"]


def test_the_file_is_the_persons_alone_and_goes_with_the_pack(paths: Paths) -> None:
    notes = Notes(paths)
    notes.answer("a", StorePut("k", b"1"))
    folder = paths.packs / "kv" / "a"
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    notes.clear("a")
    assert not folder.exists()
    assert notes.answer("a", StoreGet("k")).status == "missing"


def test_a_flood_of_notes_ends_at_the_quota_and_loses_none(paths: Paths) -> None:
    notes = Notes(paths)
    kept = [
        n for n in range(9) if notes.answer("a", StorePut(f"k{n}", b"x" * 60_000)).status == "ok"
    ]
    assert kept == [0, 1, 2, 3]
    refused = notes.answer("a", StorePut("k9", b"x" * 60_000))
    assert "at most 256 KiB" in refused.note
    assert notes.answer("a", StoreGet("k3")).value == b"x" * 60_000
    for n in range(MAX_NOTES + 5):
        notes.answer("b", StorePut(f"k{n}", b""))
    assert len(notes.answer("b", StoreList()).keys) == MAX_NOTES
    assert notes.answer("b", StorePut("k0", b"changed")).status == "ok"
    total = sum(file.stat().st_size for file in paths.packs.rglob("*.msgpack"))
    assert total < 2 * 256 * 1024


def test_a_damaged_file_is_named_and_left_alone(paths: Paths) -> None:
    notes = Notes(paths)
    notes.answer("a", StorePut("k", b"1"))
    (file,) = (paths.packs / "kv" / "a").iterdir()
    file.write_bytes(b"\xc1")
    answer = notes.answer("a", StorePut("k", b"2"))
    assert answer.status == "failed"
    assert str(file) in answer.note
    assert file.read_bytes() == b"\xc1"


def test_a_link_in_place_of_the_file_is_not_followed(paths: Paths, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x81\xa1k\xc4\x01s")  # {"k": b"s"}
    folder = paths.pack_notes("a")
    folder.mkdir(parents=True)
    (folder / "notes.msgpack").symlink_to(secret)
    assert Notes(paths).answer("a", StoreGet("k")).status == "failed"


async def test_what_was_not_granted_is_denied_and_named(paths: Paths) -> None:
    broker = Broker(paths)
    assert await broker.answer("a", StoreGet("k"), []) == Answer("denied", "store:kv")
    asked = Fetch("https://x.example/")
    assert await broker.answer("a", asked, KV) == Answer("denied", "net:x.example:443")
    assert (await broker.answer("a", StoreGet("k"), KV)).status == "missing"


@pytest.mark.usefixtures("no_time_passes")
async def test_a_pack_that_asks_all_the_time_is_told_to_wait(paths: Paths) -> None:
    broker = Broker(paths)
    answers = [await broker.answer("a", StoreList(), KV) for _ in range(NOTES_BURST + 20)]
    assert [answer.status for answer in answers] == ["ok"] * NOTES_BURST + ["busy"] * 20
    assert (await broker.answer("b", StoreList(), KV)).status == "ok"


class Slow:
    """A network that answers when the test says so."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.under_way: list[Fetch] = []

    def fetch(self, ask: Fetch, granted: Any) -> Answer:
        self.under_way.append(ask)
        asyncio.run_coroutine_threadsafe(self.go.wait(), self.loop).result(60)
        return Answer("ok")


async def test_few_requests_of_a_pack_are_under_way_at_once(paths: Paths) -> None:
    slow = Slow()
    broker = Broker(paths, slow)  # type: ignore[arg-type]
    asked, granted = Fetch("https://x.example/"), ["net:x.example:443"]
    tasks = [asyncio.ensure_future(broker.answer("a", asked, granted)) for _ in range(AT_ONCE)]
    while len(slow.under_way) < AT_ONCE:
        await asyncio.sleep(0.001)
    assert (await broker.answer("a", asked, granted)).status == "busy"
    slow.go.set()
    assert {answer.status for answer in await asyncio.gather(*tasks)} == {"ok"}
    await broker.close()


@pytest.mark.usefixtures("no_time_passes")
async def test_requests_are_few_in_the_long_run(paths: Paths) -> None:
    broker = Broker(paths, Fetcher(resolve=lambda name, port: ["127.0.0.1"]))
    asked, granted = Fetch("https://x.example/"), ["net:x.example:443"]
    answers = [await broker.answer("a", asked, granted) for _ in range(FETCHES_BURST + 3)]
    assert [answer.status for answer in answers] == ["failed"] * FETCHES_BURST + ["busy"] * 3
    await broker.close()


def test_a_bucket_fills_with_time() -> None:
    now = [0.0]
    bucket = Bucket(2.0, 3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
