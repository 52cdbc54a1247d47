"""The door itself: every refusal is an ErrorBody, no path leads out, the document is true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from api_door import Door, open_door
from nanochat_host.core import service, wire
from nanochat_host.core.calls import MSGPACK
from nanochat_host.core.calls_outside import health
from nanochat_host.core.http_glue import MAX_BODY_BYTES
from nanochat_host.core.streams import MAX_EVENTS, Listener
from nanochat_host.errors import CoreUnavailableError, NotFoundError
from nanochat_sdk.data import Data, Event, Needs


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


BODIES = [
    ("POST", "/v1/runs"),
    ("POST", "/v1/checkouts"),
    ("POST", "/v1/debug"),
    ("POST", "/v1/query"),
    ("POST", "/v1/runs/no-run/control"),
    ("POST", "/v1/runs/no-run/stop"),
]
MISSING = [
    ("GET", "/v1/runs/no-run", None),
    ("DELETE", "/v1/runs/no-run", None),
    ("GET", "/v1/runs/no-run/log", None),
    ("GET", "/v1/runs/no-run/metrics", None),
    ("GET", "/v1/runs/no-run/events", None),
    ("POST", "/v1/runs/no-run/control", wire.Control("save")),
    ("POST", "/v1/runs/no-run/stop", wire.StopRun()),
    ("GET", "/v1/stream?run=no-run", None),
    ("GET", "/v1/checkouts/no-checkout", None),
    ("DELETE", "/v1/checkouts/no-checkout", None),
]


async def test_what_is_not_there(door: Door) -> None:
    for method, path, body in MISSING:
        content = None if body is None else msgspec.json.encode(body)
        error = await door.error(method, path, 404, content=content)
        assert error["code"] == "not_found" and error["hint"], path
    query = msgspec.msgpack.encode(wire.Query("no-run", []))
    await door.error("POST", "/v1/query", 404, content=query)


async def test_bodies_are_decoded_strictly(door: Door) -> None:
    for method, path in BODIES:
        for body in (b"", b"{", b"[]", b'{"unknown": 1}', b"\xff\xfe", b"[" * 100_000):
            error = await door.error(method, path, 422, content=body)
            assert error["code"] == "usage" and path in error["message"]


async def test_a_huge_body_is_refused(door: Door) -> None:
    error = await door.error("POST", "/v1/runs", 413, content=b" " * (MAX_BODY_BYTES + 1))
    assert error["code"] == "too_large"


async def test_wrong_values_name_the_field(door: Door) -> None:
    body = b'{"checkout": "fake", "target": "base_train", "nproc": "two"}'
    error = await door.error("POST", "/v1/runs", 422, content=body)
    assert "$.nproc" in error["message"]
    error = await door.error("POST", "/v1/runs/x/control", 422, content=b'{"cmd": "explode"}')
    assert "explode" in error["message"]


async def test_a_name_that_cannot_be_one_is_told_in_words(door: Door) -> None:
    error = await door.error("GET", "/v1/checkouts/mine+theirs", 422)
    assert error["message"] == "`name` cannot be `mine+theirs`"
    assert "letters" in error["hint"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/runs/x/log?lines=0", "lines"),
        ("/v1/runs/x/log?lines=9999", "lines"),
        ("/v1/runs/x/log?level=loud", "level"),
        ("/v1/runs/x/events?limit=many", "limit"),
        ("/v1/stream?run=../up", "run"),
    ],
)
async def test_wrong_parameters_are_named(door: Door, path: str, parameter: str) -> None:
    error = await door.error("GET", path, 422)
    assert f"`{parameter}`" in error["message"]


async def test_unknown_kind_of_event(door: Door) -> None:
    run_id = (await door.start()).facts.id
    error = await door.error("GET", f"/v1/runs/{run_id}/events?kinds=state,gossip", 422)
    assert "`gossip`" in error["message"] and "checkpoint" in error["hint"]
    await door.ended(run_id)


async def test_no_path_leads_out_of_the_runs(door: Door) -> None:
    door.paths.home.joinpath("run.json").write_text('{"secret": 1}')
    for path in ("%2e", "%2e%2e", "..%2f..", "%2e%2e%2f%2e%2e%2fetc", "a%00b", "x" * 200):
        for method in ("GET", "DELETE"):
            answer = await door.http.request(method, f"/v1/runs/{path}")
            assert answer.status_code in (404, 422), path
            assert "secret" not in answer.text
    assert door.paths.home.joinpath("run.json").exists()


async def test_unknown_routes_and_methods(door: Door) -> None:
    await door.error("GET", "/v1/nothing", 404)
    await door.error("PUT", "/v1/runs", 405)
    await door.error("GET", "/docs", 404)


async def test_a_bug_is_one_clear_line(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(door.core, "list_runs", broken)
    error = await door.error("GET", "/v1/runs", 500)
    assert error["code"] == "internal" and "secret detail" not in error["message"]


async def test_the_document_describes_every_route(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    schemas = document["components"]["schemas"]
    routes = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            routes += 1
            assert operation["description"], (method, path)
            ok = next(code for code in operation["responses"] if code.startswith("2"))
            (content,) = operation["responses"][ok]["content"].values()
            assert content["schema"], (method, path)
            default = operation["responses"]["default"]["content"]["application/json"]
            assert default["schema"] == {"$ref": "#/components/schemas/ErrorBody"}
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert "422" not in operation["responses"]  # FastAPI's own error format is not ours
    assert routes >= 19
    body = document["paths"]["/v1/runs"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/StartRun"}
    assert schemas["StartRun"]["additionalProperties"] is False
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in _references(value)]
    return []


async def test_query_answers_in_msgpack(door: Door) -> None:
    run_id = (await door.start(depth=7)).facts.id
    await door.ended(run_id)
    query = wire.Query(run_id, [wire.QueryItem(Needs()), wire.QueryItem(Needs())])
    result = await door.client.query(query)
    assert len(result.answers) == 2
    raw = result.answers[0].data
    assert raw is not None
    data = msgspec.msgpack.decode(raw, type=Data)
    assert data.run is not None and data.run.id == run_id and data.run.state == "done"
    assert data.config["depth"] == 7
    machine = await door.client.query(wire.Query("", [wire.QueryItem(Needs())]))
    assert len(machine.answers) == 1
    answer = await door.http.post("/v1/query", content=msgspec.msgpack.encode(query))
    assert answer.headers["content-type"] == MSGPACK


async def test_the_stream_begins_with_the_present_and_goes_on(door: Door) -> None:
    run_id = (await door.start()).facts.id
    await door.ended(run_id)
    stream = door.client.stream(run_id)
    first = await anext(stream)
    assert first.facts is not None and first.facts.state == "done"
    assert first.machine is not None and first.gpu == "no GPU"
    door.hub.move(run_id, [Event(1.0, "checkpoint", 3, {"tag": "d2"})])
    second = await anext(stream)
    assert [event.fields["tag"] for event in second.events] == ["d2"]
    assert second.rev == first.rev + 1 and second.machine is None
    door.hub.move_machine()
    third = await anext(stream)
    assert third.machine_rev == second.machine_rev + 1 and not third.events
    other = (await door.start()).facts.id
    assert (await anext(stream)).runs is True
    await door.ended(other)
    await stream.aclose()


async def test_the_stream_tells_the_last_words_of_a_run_before_its_end(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "READ_S", 60.0)
    run_id = (await door.start(go=str(tmp_path / "go"))).facts.id
    stream = door.client.stream(run_id)
    await anext(stream)
    door.hub.unread.add(run_id)
    (tmp_path / "go").touch()
    await door.ended(run_id)
    assert not (await door.client.run(run_id)).read
    door.hub.unread.remove(run_id)
    door.hub.move(run_id, [Event(1.0, "checkpoint", 3)])
    told: list[Event] = []
    async for message in stream:
        told += message.events
        if message.facts is not None and message.facts.ended_at:
            break
    await stream.aclose()
    assert [event.step for event in told if event.kind == "checkpoint"] == [3]
    assert (await door.client.run(run_id)).read


@pytest.mark.parametrize("deleted", [True, False])
async def test_nobody_waits_for_the_last_words_of_a_run_that_is_deleted_or_as_the_core_goes(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    monkeypatch.setattr(service, "READ_S", 600.0)
    run_id = (await door.start(go=str(tmp_path / "go"))).facts.id
    stream = door.client.stream(run_id)
    await anext(stream)
    door.hub.unread.add(run_id)
    (tmp_path / "go").touch()
    await door.ended(run_id)
    if deleted:
        await door.client.delete_run(run_id)
    else:
        door.core.streams.close()
    async with asyncio.timeout(60.0):
        async for _ in stream:
            pass


async def test_the_stream_tells_of_checkouts_that_come_and_go(door: Door) -> None:
    stream = door.client.stream()
    await anext(stream)
    gone = await door.client.remove_checkout("fake")
    assert (await anext(stream)).runs is True
    await door.client.add_checkout(wire.AddCheckout(gone.path, name="fake"))
    assert (await anext(stream)).runs is True
    await stream.aclose()


async def test_a_burst_becomes_one_message(door: Door) -> None:
    stream = door.client.stream()
    await anext(stream)
    for _ in range(500):
        door.hub.move_machine()
    message = await anext(stream)
    assert message.machine_rev == 500
    await stream.aclose()


async def test_a_listener_that_does_not_read_holds_a_bounded_backlog() -> None:
    listener = Listener("r")
    for step in range(10 * MAX_EVENTS):
        listener.tell([Event(0.0, "sample", step)])
    events, _ = listener.take()
    assert len(events) == MAX_EVENTS
    assert events[-1].step == 10 * MAX_EVENTS - 1


async def test_health_is_told_when_it_changed_only(door: Door) -> None:
    run_id = (await door.start()).facts.id
    await door.ended(run_id)
    stream = door.client.stream(run_id)
    first = await anext(stream)
    assert first.health is not None and first.health[0].key == "disk"
    door.hub.move(run_id, [])
    assert (await anext(stream)).health is None
    door.hub.health = lambda run_id, facts: []  # type: ignore[method-assign]
    door.hub.move_machine()
    assert (await anext(stream)).health == []
    await stream.aclose()
    assert (await door.client.ask(health(run_id))) == []


async def test_streams_end_when_the_core_goes(door: Door) -> None:
    stream = door.client.stream()
    await anext(stream)
    await door.client.shutdown()
    with pytest.raises((StopAsyncIteration, CoreUnavailableError)):
        async with asyncio.timeout(30):
            while True:
                await anext(stream)


async def test_the_stream_of_a_run_ends_when_it_is_deleted(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = (await door.start()).facts.id
    await door.ended(run_id)
    stream = door.client.stream(run_id)
    await anext(stream)
    await door.client.delete_run(run_id)
    door.hub.move_machine()
    async with asyncio.timeout(60):
        assert [message.facts async for message in stream] == []
    assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"] == []


async def test_a_stream_of_a_run_that_is_not_there(door: Door) -> None:
    with pytest.raises(NotFoundError):
        await anext(door.client.stream("no-run"))


async def test_what_the_stream_sends_is_plain_json(door: Door) -> None:
    async with door.http.stream("GET", "/v1/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            assert json.loads(line.removeprefix("data: "))["machine"]["hostname"] == "here"
            break
