"""The core's door under fuzz: what the document allows is decoded, what it forbids is refused, what
comes back is as described, and nothing sent takes the core down, makes it big or shows a secret."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
import schemathesis
from fuzz_bodies import good_bodies, hostile_texts, spoiled
from fuzz_rig import SPARE, FuzzedCore, fuzzed_core, is_stream, until
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis.errors import Unsatisfiable
from nanochat_host.core.calls import MSGPACK
from nanochat_host.core.http_glue import MAX_BODY_BYTES
from nanochat_host.core.shim import procs
from nanochat_host.core.wire import StreamMessage
from schemathesis import Case, GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup

ALLOWED, FORBIDDEN = 6, 4
"""Requests for each operation, by what the document says of them."""
RAW = [b"", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b'{"\\ud800": "\\ud800"}', b"1e999"]
"""Bodies that are no body of anything."""
SHUTDOWN = "POST /v1/shutdown"
INSTALLS = "POST /v1/checkouts/{name}/env/make"
"""Is only asked to for checkouts there are not."""
WORDS: dict[str, Any] = {
    "checkout": "fake", "name": "quick", "target": "tok_train", "stage": "base_train",
    "account": "wandb", "prefab": "", "continues": "", "nproc": 1, "options": {},
}  # fmt: skip


@schemathesis.serializer(MSGPACK)
def encoded(_context: object, value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


@schemathesis.deserializer(MSGPACK)
def decoded(_context: object, response: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(msgspec.msgpack.decode(response.content)))


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedCore]:
    with fuzzed_core(tmp_path_factory.mktemp("fuzz")) as core:
        yield core


def operations(core: FuzzedCore) -> list[Any]:
    """All but the one that ends the core; those that take something away last."""
    found = [r.ok() for r in schemathesis.openapi.from_dict(core.document).get_all_operations()]
    found = [operation for operation in found if operation.label != SHUTDOWN]
    return sorted(found, key=lambda operation: operation.method == "delete")


def test_the_document_names_every_route_once(core: FuzzedCore) -> None:
    labels = [operation.label for operation in operations(core)]
    assert len(labels) == len(set(labels)) > 60
    for path in core.document["paths"].values():
        for said in path.values():
            assert said["summary"] and said["description"] and "default" in said["responses"]


def test_what_the_document_allows(core: FuzzedCore) -> None:
    """Decoded, and answered as described; half the requests are about things there are."""

    def check(case: Case, number: int) -> None:
        there = number % 2 == 1
        answer = send(core, case, there and case.operation.label != INSTALLS)
        assert not broke(answer), answer.text
        as_documented(case.operation, answer)
        if not there and answer.status_code == 422:
            said = answer.json()["message"]
            assert not said.startswith((f"{answer.request.url.path}: ", "parameter ")), said

    every_case(core, GenerationMode.POSITIVE, ALLOWED, check)
    core.lives()


def test_what_the_document_forbids(core: FuzzedCore) -> None:
    """Refused in one line, if a body is what is wrong; else perhaps passed over."""

    def check(case: Case, number: int) -> None:
        answer = send(core, case)
        assert not broke(answer), answer.text
        as_documented(case.operation, answer)
        only_body = case.body is not NOT_SET and not (case.path_parameters or case.query)
        assert answer.status_code >= 400 or not only_body, case.body

    every_case(core, GenerationMode.NEGATIVE, FORBIDDEN, check)
    core.lives()


def test_good_bodies_with_one_value_spoiled(core: FuzzedCore) -> None:
    """Pipes, devices, loops, control characters and numbers no machine holds, at every place."""
    texts = hostile_texts(core.rig.folder)
    bodies = good_bodies(core.rig.folder, core.run_id)
    takers = {o.label for o in operations(core) if o.definition.raw.get("requestBody")}
    assert len(bodies) == len(takers), "a body for each operation that takes one"
    wrong = []
    for label, body in bodies.items():
        method, path = label.split()
        in_msgpack = path.endswith(("/query", "/compare", "/ask"))
        encode = msgspec.msgpack.encode if in_msgpack else to_json
        for number, changed in enumerate([body, *spoiled(body, texts)]):
            try:
                raw = encode(changed)
            except OverflowError:
                continue  # msgpack has no such number
            answer = core.send(method, path, raw)
            if broke(answer) or (answer.is_error and not one_line(answer)):
                wrong.append((label, raw[-200:], answer.text[:200]))
            assert number or "unknown field" not in answer.text, (label, answer.text)
        wrong += [(label, raw[:20]) for raw in RAW if not core.send(method, path, raw).is_error]
    assert not wrong, "\n".join(map(str, wrong))
    assert core.send("POST", "/v1/runs", b" " * (MAX_BODY_BYTES + 1)).status_code == 413
    core.lives()


def test_shutdown_answers_and_the_next_core_knows_the_run(core: FuzzedCore) -> None:
    assert core.send("POST", "/v1/shutdown", b"\xff" * 1000).status_code == 202
    until(lambda: not procs.is_alive(core.info.pid, 0), "the core is gone")
    core.rig.start()
    assert core.run_id in {run.facts.id for run in core.rig.client.runs()}


def every_case(
    core: FuzzedCore, mode: GenerationMode, count: int, check: Callable[[Case, int], None]
) -> None:
    """The same requests every time; all operations are tried before any failure is told."""
    wrong = []
    for operation in operations(core):
        numbers = iter(range(10_000))

        @seed(2026)
        @settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode))
        def fuzz(case: Case) -> None:
            try:
                check(case, next(numbers))  # noqa: B023
            except (AssertionError, FailureGroup, httpx.HTTPError) as error:
                told = getattr(error, "exceptions", "")
                wrong.append(f"{case.operation.label}: {error!r} {told} {case!r}")

        with contextlib.suppress(Unsatisfiable):  # nothing about it can be wrong
            fuzz()
    assert not wrong, "\n".join(wrong)


def send(core: FuzzedCore, case: Case, there: bool = False) -> httpx.Response:
    """there: put in names of things that exist."""
    known = {**WORDS, "run_id": core.run_id, "run": core.run_id, "runs": [core.run_id]}
    if case.method == "DELETE":
        known |= {"run_id": core.spare_run, "name": SPARE}
    path, query, body = case.path, case.query or {}, case.body
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", str(known.get(name, value) if there else value))
    if there:
        query, body = _with(known, query), _with(known, body)
    if body is NOT_SET:
        raw = b""
    elif isinstance(body, bytes):
        raw = body
    elif case.media_type == MSGPACK:
        try:
            raw = msgspec.msgpack.encode(_as_msgpack(body))
        except OverflowError:  # msgpack has no such number
            reject()
    else:
        raw = to_json(_whole(body))
    return core.send(case.method, f"{path}?{urlencode(query, doseq=True)}" if query else path, raw)


def as_documented(operation: Any, answer: httpx.Response) -> None:
    if not is_stream(answer):
        operation.validate_response(answer)
        return
    for line in answer.content.splitlines():
        if line.startswith(b"data: "):
            msgspec.json.decode(line.removeprefix(b"data: "), type=StreamMessage)


def broke(answer: httpx.Response) -> bool:
    """The core failed. A service that cannot be asked is not its fault."""
    return answer.status_code >= 500 and answer.json()["code"] != "unreachable"


def one_line(answer: httpx.Response) -> bool:
    said = answer.json()["message"]
    return bool(said) and len(said) <= 1000 and said.isprintable()


def to_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _with(known: dict[str, Any], value: Any) -> Any:
    """The value with what there is in place of what was made up."""
    if isinstance(value, dict):
        return {key: known.get(key, _with(known, inner)) for key, inner in value.items()}
    return [_with(known, inner) for inner in value] if isinstance(value, list) else value


def _whole(value: Any) -> Any:
    """JSON Schema counts 3.0 among whole numbers; our decoder, being strict, does not."""
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_msgpack(body: Any) -> Any:
    """Notes and pages are bytes, which the document can only call text."""
    body = _whole(body)
    if isinstance(body, dict) and isinstance(ask := body.get("ask"), dict):
        for key in ("value", "body"):
            if isinstance(ask.get(key), str):
                ask[key] = ask[key].encode()
    return body
