"""Framing, strict decoding, and the checks that types cannot express."""

from __future__ import annotations

import math
import struct

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanochat_sdk.asks import Answer, Asked, Fetch, StoreList, StorePut
from nanochat_sdk.codec import (
    FrameReader,
    check,
    decode_data,
    decode_from_worker,
    decode_payload,
    decode_to_worker,
    encode_answer,
    encode_payload,
    frame_message,
)
from nanochat_sdk.data import Data, Needs, SeriesQuery
from nanochat_sdk.errors import PayloadError, WireError
from nanochat_sdk.forms import ChoiceField, Editor, Form, TextField
from nanochat_sdk.payload import (
    MAX_DEPTH,
    Axis,
    Cells,
    Chart,
    Child,
    Gauge,
    Heatmap,
    Payload,
    Plot,
    Stack,
    Table,
    Text,
    pack,
)
from nanochat_sdk.protocol import (
    MAX_FRAME,
    Act,
    EditorSubmitted,
    Failed,
    FormSubmitted,
    Frame,
    Hello,
    Load,
    Loaded,
    Reply,
)

encode = msgspec.msgpack.encode
# How long an example takes on a busy machine says nothing about the codec.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TWO = pack([1.0, 2.0])
FROM_WORKER = [
    Hello(1, 1, "0.1.0", 7, {"limits": "closed"}),
    Loaded(Needs(series=(SeriesQuery("train/loss", end=3.0),))),
    Failed("boom", "trace", 3),
    Reply(1),
    Reply(2, Text([[("a", "error")]]), Needs(), "stale", [Act("save"), Act("lr", value=0.5)]),
    Reply(3, Chart([Plot("loss", TWO, TWO, lo=TWO, hi=TWO, nonfinite=pack([1.5]))])),
    Reply(4, Heatmap(["a", "b"], 2, pack([1, 2, 3, math.nan]), ["x", "y"])),
    Reply(6, Form([TextField("why", "Why"), ChoiceField("k", "K", choices=["a", "b"])])),
    Reply(7, Editor("a\nb", max_length=10), asks=[Asked(1, StorePut("k", b"v"))]),
    Reply(8, asks=[Asked(2, Fetch("https://a.b/c", "POST", b"x")), Asked(3, StoreList())]),
    Reply(5, Stack([Child(Gauge("vram", 0.5, spark=TWO)), Child(Cells([[("x", "heat-3")]]))])),
]


DATA = Data(now=2.0, answers={1: Answer("ok", value=b"v")})
TO_WORKER = [
    Load("m:C", ["/pack"], {"word": "x", "list": [1, 2.5, None]}),
    Frame(1, 80, 24, data=encode(DATA)),
    Frame(2, 80, 24, options={"a": 1}, inputs=[FormSubmitted(form="f", values={"depth": 4})]),
    Frame(3, 80, 24, inputs=[EditorSubmitted(editor="e", text="a\nb")]),
]


@pytest.mark.parametrize("message", FROM_WORKER)
def test_what_a_worker_says_arrives_as_it_was(message: Reply) -> None:
    assert decode_from_worker(encode(message)) == message


@pytest.mark.parametrize(
    "message",
    TO_WORKER,
)
def test_what_the_host_says_arrives_as_it_was(message: Load | Frame) -> None:
    back = decode_to_worker(encode(message))
    assert back == message
    if isinstance(back, Frame) and back.data is not None:
        assert decode_data(back.data) == DATA


@UNTIMED
@given(st.lists(st.binary(min_size=1, max_size=64), max_size=8), st.data())
def test_framing_survives_any_cut(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(struct.pack(">I", len(body)) + body for body in bodies)
    reader, out = FrameReader(64), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:cut])
        stream = stream[cut:]
        while (message := reader.take()) is not None:
            out.append(message)
    assert out == bodies
    assert len(reader) == 0


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "an empty message"), (300 * 1024, "300 KiB"), (2**32 - 1, "4194304 KiB")],
)
def test_a_length_out_of_bounds_is_refused_before_the_body_comes(size: int, said: str) -> None:
    reader = FrameReader(MAX_FRAME)
    reader.feed(struct.pack(">I", size))
    with pytest.raises(WireError, match=f"^{said}; the limit is 256 KiB$"):
        reader.take()


def test_a_message_over_the_limit_is_not_sent() -> None:
    size = len(encode(Failed("boom")))
    assert len(frame_message(Failed("boom"), size)) == size + 4
    with pytest.raises(WireError, match=f"^{size + 1} bytes; the limit is {size} bytes$"):
        frame_message(Failed("boom!"), size)


@given(st.binary(max_size=300))
@settings(UNTIMED, max_examples=300)
def test_no_bytes_do_more_than_raise_wire_error(raw: bytes) -> None:
    for decode in (decode_from_worker, decode_to_worker, decode_data, decode_payload):
        try:
            decode(raw)
        except WireError as error:
            assert str(error)
            assert "\n" not in str(error)


@given(st.sampled_from(FROM_WORKER), st.data())
@settings(UNTIMED, max_examples=400)
def test_a_mutated_message_decodes_strictly_or_not_at_all(
    message: Reply, data: st.DataObject
) -> None:
    raw = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        back = decode_from_worker(raw)
    except WireError:
        return
    if isinstance(back, Reply):
        assert_drawable(back.payload)
    assert decode_from_worker(encode(back)) == back or "nan" in repr(back)


@UNTIMED
@given(st.sampled_from(TO_WORKER), st.data())
def test_a_worker_reads_a_mutated_message_strictly_or_not_at_all(
    message: Load | Frame, data: st.DataObject
) -> None:
    raw = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        back = decode_to_worker(bytes(raw))
        if isinstance(back, Frame) and back.data is not None:
            decode_data(back.data)
    except WireError as error:
        assert "\n" not in str(error)


NAMES = st.text("abk\x00\x1b\u202e", max_size=8)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(["hello", "loaded", "reply", "failed"]), st.dictionaries(
    st.sampled_from(["seq", "payload", "needs", "status", "acts", "asks", "message", "wire", "x"]),
    JSON_LIKE,
    max_size=6,
))  # fmt: skip
@settings(UNTIMED, max_examples=300)
def test_structured_nonsense_is_refused_too(op: str, fields: dict[str, object]) -> None:
    try:
        back = decode_from_worker(encode({"op": op, **fields}))
    except WireError:
        return
    assert not isinstance(back, Reply) or assert_drawable(back.payload)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "truncated"),
        (encode({"op": "reply", "seq": 1, "link": "http://x"}), "unknown field `link`"),
        (encode({"op": "rm", "seq": 1}), "Invalid value 'rm'"),
        (encode({"op": "reply", "seq": 1, "payload": {"kind": "html"}}), "Invalid value 'html'"),
        (encode({"op": "reply", "seq": "1"}), "Expected `int`"),
        (encode({"op": "reply", "seq": 1, "status": "x" * 201}), "length <= 200"),
        (encode({"op": "reply", "seq": 1}) + b"\x00", "trailing"),
        (b"\x82\xa2op\xa6failed\xa7message\xa2\xff\xfe", "not UTF-8"),
        (b"\xdd\xff\xff\xff\xff", "Expected `object`"),
        (
            encode(
                {"op": "reply", "seq": 1, "payload": {"kind": "text", "lines": [[("a", "blink")]]}}
            ),
            "Invalid enum value 'blink'",
        ),
    ],
)
def test_each_kind_of_nonsense_is_named(raw: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        decode_from_worker(raw)


def test_nesting_is_bounded_by_the_check_and_by_the_decoder() -> None:
    def nest(depth: int) -> Payload:
        payload: Payload = Text([])
        for _ in range(depth):
            payload = Stack([Child(payload)])
        return payload

    check(nest(MAX_DEPTH))
    with pytest.raises(PayloadError, match="more than 4 deep"):
        check(nest(MAX_DEPTH + 1))
    deep = b"\x80"
    for _ in range(30_000):
        deep = b"\x91" + deep
    with pytest.raises(WireError):
        decode_from_worker(b"\x83\xa2op\xa5reply\xa3seq\x01\xa7payload" + deep)
    stack = b"\x82\xa4kind\xa5stack\xa8children\x91\x81\xa7payload"
    with pytest.raises(WireError, match="nested too deep"):
        decode_from_worker(b"\x83\xa2op\xa5reply\xa3seq\x01\xa7payload" + stack * 8000 + b"\xc0")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (Chart([Plot("a", TWO, pack([1.0]))]), "x has 2 values and y has 1"),
        (Chart([Plot("a", TWO + b"1", TWO + b"1")]), "x has 17 bytes: not a multiple of 8"),
        (Chart([Plot("a", TWO, TWO, lo=TWO, hi=pack([1.0]))]), "x has 2 values and hi has 1"),
        (Chart([Plot("a", TWO, TWO, lo=TWO)]), "a band needs both"),
        (Chart([Plot("a", TWO, TWO, nonfinite=b"123")]), "nonfinite has 3 bytes"),
        (Chart([], y=Axis(lo=2.0, hi=1.0)), "axis y has lo above hi"),
        (Heatmap(["a"], 2, TWO + TWO), "a heatmap of 1 x 2 has 4 values"),
        (Heatmap(["a"], 2, TWO, ["x"]), "2 columns have 1 labels"),
        (Heatmap(["a"], 2, TWO, lo=1.0, hi=0.0), "lo above hi"),
        (Gauge("a", spark=b"1234"), "spark has 4 bytes"),
        (Stack([Child(Gauge("a", spark=b"1234"))]), "spark has 4 bytes"),
    ],
)
def test_shapes_that_do_not_fit_are_named(payload: Payload, why: str) -> None:
    with pytest.raises(PayloadError, match=why):
        check(payload)
    with pytest.raises(WireError, match=why):
        decode_payload(encode_payload(payload))
    with pytest.raises(WireError, match=why):
        decode_from_worker(encode(Reply(1, payload)))
    with pytest.raises(PayloadError, match=why):
        encode_answer(Reply(1, payload))


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(1, Table([], [])), "length >= 1"),
        (Reply(1, Text([[("x" * 5000, "")]])), "length <= 4096"),
        (Reply(1, status="x" * 201), "length <= 200"),
        (Reply(1, needs=Needs(latest=("*a" * 9,))), "has more than 8 wildcards"),
        (Reply(1, needs=Needs(spans=("[a]?*" * 3,))), "has more than 8 wildcards"),
        (Reply(1, needs=Needs(series=(SeriesQuery("a", start=math.nan),))), "`a` has a bound"),
        (Reply(1, acts=[Act("lr", value=math.inf)]), "`lr` has a value that is not finite"),
    ],
)
def test_an_authors_mistake_is_found_before_it_is_sent(reply: Reply, why: str) -> None:
    with pytest.raises(PayloadError, match=why):
        encode_answer(reply)
    with pytest.raises(WireError, match=why):
        decode_from_worker(encode(reply))


def assert_drawable(payload: Payload | None) -> bool:
    if payload is not None:
        check(payload)
    return True
