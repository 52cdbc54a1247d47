"""Framing and strict decoding, the same on both sides of the pipes.

A message is four bytes of big-endian length and that many bytes of msgpack. Whoever reads gives
the limit. Decoding accepts the declared types and nothing else, and `check` adds what types cannot
say, so a decoded message can be drawn without a second look at its shape.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import msgspec

from nanochat_sdk.data import MAX_WILDCARDS, Data, Needs
from nanochat_sdk.errors import PayloadError, WireError
from nanochat_sdk.forms import Editor, Form, editor_trouble, form_trouble
from nanochat_sdk.payload import MAX_DEPTH, Chart, Gauge, Heatmap, Payload, Plot, Stack
from nanochat_sdk.protocol import (
    MAX_DATA_FRAME,
    MAX_FRAME,
    Failed,
    Frame,
    FromWorker,
    Hello,
    Load,
    Loaded,
    Reply,
    ToWorker,
)

HEADER = 4
"""Bytes of length before each message."""

# msgspec lets UnicodeDecodeError and RecursionError through, and the rest can follow from sizes.
DECODE_ERRORS = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
    ValueError,
    MemoryError,
    OverflowError,
)

Buffer: TypeAlias = bytes | bytearray | memoryview

_encoder = msgspec.msgpack.Encoder()
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(
    Hello | Loaded | Reply | Failed
)
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(Load | Frame)
_data: msgspec.msgpack.Decoder[Data] = msgspec.msgpack.Decoder(Data)
_payload: msgspec.msgpack.Decoder[Payload] = msgspec.msgpack.Decoder(Payload)


def kib(size: int) -> str:
    """A size as people read it: "300 KiB"."""
    return f"{size} bytes" if size < 1024 else f"{-(-size // 1024)} KiB"


def frame_message(message: Any, limit: int) -> bytearray:
    """Encode a message with its length in front. Raises WireError when it is over `limit` bytes."""
    out = bytearray(HEADER)
    _encoder.encode_into(message, out, HEADER)
    size = len(out) - HEADER
    if size > limit:
        raise WireError(f"{kib(size)}; the limit is {kib(limit)}")
    out[:HEADER] = size.to_bytes(HEADER, "big")
    return out


class FrameReader:
    """Cuts a byte stream into messages of 1 to `limit` bytes.

    Holds what was fed and not yet taken: a reader that feeds at most one chunk between takes is
    bounded by `limit` plus the chunk.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def __len__(self) -> int:
        """Bytes fed and not yet taken."""
        return len(self._buffer)

    def feed(self, chunk: Buffer) -> None:
        """Append bytes as they came."""
        self._buffer += chunk

    def take(self) -> bytes | None:
        """The next whole message, or None. Raises WireError at a length out of bounds."""
        buffer = self._buffer
        if len(buffer) < HEADER:
            return None
        size = int.from_bytes(buffer[:HEADER], "big")
        if not 0 < size <= self.limit:
            what = kib(size) if size else "an empty message"
            raise WireError(f"{what}; the limit is {kib(self.limit)}")
        end = HEADER + size
        if len(buffer) < end:
            return None
        message = bytes(memoryview(buffer)[HEADER:end])
        del buffer[:end]
        return message


def decode_from_worker(raw: Buffer) -> FromWorker:
    """Decode and check what a worker said. Raises WireError, whatever the bytes are."""
    try:
        message = _from_worker.decode(raw)
        if isinstance(message, Reply):
            _check_reply(message)
        elif isinstance(message, Loaded):
            check_needs(message.needs)
    except DECODE_ERRORS as error:
        raise WireError(_why(error)) from None
    return message


def decode_to_worker(raw: Buffer) -> ToWorker:
    """Decode what the host said. Raises WireError."""
    try:
        return _to_worker.decode(raw)
    except DECODE_ERRORS as error:
        raise WireError(_why(error)) from None


def decode_data(raw: Buffer) -> Data:
    """Decode the `data` of a Frame. Raises WireError."""
    try:
        return _data.decode(raw)
    except DECODE_ERRORS as error:
        raise WireError(_why(error)) from None


def encode_answer(answer: Loaded | Reply) -> bytearray:
    """Encode as the host will read it. Raises PayloadError or WireError with the reason, so that
    an author's mistake is told to the author instead of being taken for a hostile act."""
    out = frame_message(answer, MAX_FRAME)
    try:
        decode_from_worker(memoryview(out)[HEADER:])
    except WireError as error:
        raise PayloadError(str(error)) from None
    return out


def encode_payload(payload: Payload) -> bytes:
    """Encode a payload alone, for files and tests."""
    return _encoder.encode(payload)


def decode_payload(raw: Buffer) -> Payload:
    """Decode and check a payload. Raises WireError."""
    try:
        payload = _payload.decode(raw)
        check(payload)
    except DECODE_ERRORS as error:
        raise WireError(_why(error)) from None
    return payload


def encode_data_frame(frame: Frame) -> bytearray:
    """Encode a Frame for the worker. Raises WireError over `MAX_DATA_FRAME`."""
    return frame_message(frame, MAX_DATA_FRAME)


def check(payload: Payload, depth: int = 1) -> None:
    """What the types cannot say. Raises PayloadError."""
    if isinstance(payload, Stack):
        if depth == 1 and _entries(payload) > 1:
            raise PayloadError("a panel shows one form or one editor at a time")
        if depth > MAX_DEPTH:
            raise PayloadError(f"stacks are more than {MAX_DEPTH} deep")
        for child in payload.children:
            check(child.payload, depth + 1)
    elif isinstance(payload, Chart):
        for plot in payload.plots:
            _check_plot(plot)
        for name, axis in (("x", payload.x), ("y", payload.y), ("right", payload.right)):
            if axis and axis.lo is not None and axis.hi is not None and axis.lo > axis.hi:
                raise PayloadError(f"axis {name} has lo above hi")
    elif isinstance(payload, Heatmap):
        _check_heatmap(payload)
    elif isinstance(payload, Gauge):
        _check_floats(payload.spark, "spark")
    elif isinstance(payload, Form | Editor):
        found = form_trouble(payload) if isinstance(payload, Form) else editor_trouble(payload)
        for trouble in found:
            raise PayloadError(trouble)


def _entries(payload: Payload) -> int:
    """Forms and editors in it. A person fills in one at a time."""
    if isinstance(payload, Stack):
        return sum(_entries(child.payload) for child in payload.children)
    return isinstance(payload, Form | Editor)


def check_needs(needs: Needs) -> None:
    """A query must have finite bounds, and a glob few wildcards: each new one costs the core time.
    Raises PayloadError."""
    for glob in (*(query.metric for query in needs.series), *needs.latest, *needs.spans):
        if sum(map(glob.count, "*?[")) > MAX_WILDCARDS:
            raise PayloadError(f"`{glob[:40]}` has more than {MAX_WILDCARDS} wildcards")
    for query in needs.series:
        for bound in (query.start, query.end):
            if bound is not None and not math.isfinite(bound):
                raise PayloadError(f"series query `{query.metric}` has a bound that is not finite")


def _check_reply(reply: Reply) -> None:
    if reply.payload is not None:
        check(reply.payload)
    if reply.needs is not None:
        check_needs(reply.needs)
    for act in reply.acts:
        if isinstance(act.value, float) and not math.isfinite(act.value):
            raise PayloadError(f"action `{act.action}` has a value that is not finite")


def _check_floats(column: bytes, name: str) -> int:
    if len(column) % 8:
        raise PayloadError(f"{name} has {len(column)} bytes: not a multiple of 8")
    return len(column)


def _check_plot(plot: Plot) -> None:
    size = _check_floats(plot.x, "x")
    if len(plot.y) != size:
        raise PayloadError(f"x has {size // 8} values and y has {len(plot.y) / 8:g}")
    for name, column in (("lo", plot.lo), ("hi", plot.hi)):
        if len(column) not in (0, size):
            raise PayloadError(f"x has {size // 8} values and {name} has {len(column) / 8:g}")
    if bool(plot.lo) != bool(plot.hi):
        raise PayloadError("a band needs both lo and hi")
    _check_floats(plot.nonfinite, "nonfinite")


def _check_heatmap(heatmap: Heatmap) -> None:
    rows, columns = len(heatmap.rows), heatmap.columns
    if len(heatmap.values) != rows * columns * 8:
        have = len(heatmap.values) / 8
        raise PayloadError(f"a heatmap of {rows} x {columns} has {have:g} values")
    if heatmap.column_labels and len(heatmap.column_labels) != columns:
        raise PayloadError(f"{columns} columns have {len(heatmap.column_labels)} labels")
    if heatmap.lo is not None and heatmap.hi is not None and heatmap.lo > heatmap.hi:
        raise PayloadError("a heatmap has lo above hi")


def _why(error: BaseException) -> str:
    """One bounded line; exotic exceptions may carry no text."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
