"""Bytes of an events file to blocks of metric rows and single events.

Lines are decoded in one call; rows with the same keys in the same order, which is what a training
loop writes, are turned into columns with `zip`. A line that is not an event costs itself only.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, nan
from typing import Any

import msgspec
from nanochat_sdk.data import Event

from nanochat_host.core.telemetry.records import Floats

_json = msgspec.json.Decoder()
_NOT_METRICS = frozenset({"ts", "kind", "step"})
_OF_BLOCK = _NOT_METRICS | {"source"}
_WORDS = {"nan": nan, "inf": inf, "-inf": -inf, "infinity": inf, "-infinity": -inf}
_event_kinds = ("log", "span", "sample", "checkpoint", "alert", "state")
WHOLE_LIMIT = 2**53
"""A step or a count is less: beyond it a float is no whole number."""
_INT_LIMIT = 2**63
"""JSON has integers of any length, msgpack does not."""


@dataclass
class Block:
    """Consecutive metric rows with the same keys. step None: the rows carry no step. source: who
    reported them, if it was neither the hook nor the log."""

    ts: Floats
    step: Floats | None
    values: Mapping[str, Sequence[Any]]
    source: str = ""


@dataclass
class Decoded:
    """What a chunk of lines held. bad: lines that are no events; sample: the first of them."""

    items: list[Block | Event]
    bad: int = 0
    sample: str = ""


def number(value: Any) -> float | None:
    """A JSON value as a float; non-finite numbers travel as words. None if it is not a number."""
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return inf if value > 0 else -inf
    return _WORDS.get(value.lower()) if isinstance(value, str) else None


def floats(values: Sequence[Any]) -> Floats | None:
    """All values as floats, or None if some are not numbers."""
    try:
        return array("d", values)
    except (TypeError, OverflowError):
        converted = [number(v) for v in values]
    return None if None in converted else array("d", [v for v in converted if v is not None])


def decode(chunk: bytes) -> Decoded:
    """Decode whole lines."""
    out = Decoded([])
    for keys, group in groupby(_rows(chunk, out), key=tuple):
        rows = list(group)
        columns: dict[str, Any] = dict(
            zip(keys, zip(*map(dict.values, rows), strict=True), strict=True)
        )
        if columns.get("kind", ()).count("metric") == len(rows) and (block := _block(columns)):
            out.items.append(block)
            continue
        for row in rows:
            _single(row, out)
    return out


def _rows(chunk: bytes, out: Decoded) -> Iterator[dict[str, Any]]:
    try:
        lines = _json.decode_lines(chunk)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines = list(_line_by_line(chunk, out))
    for line in lines:
        if type(line) is dict:
            yield line
        else:
            _note(out, repr(line))


def _line_by_line(chunk: bytes, out: Decoded) -> Iterator[Any]:
    for line in chunk.splitlines():
        if not line.strip():
            continue
        try:
            yield _json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _note(out, line[:80].decode("utf-8", "replace"))


def _note(out: Decoded, text: str) -> None:
    out.bad += 1
    out.sample = out.sample or text[:80]


def _block(columns: dict[str, Sequence[Any]]) -> Block | None:
    """The rows as a block; None when one of them lacks a time or a step that is a number."""
    ts = floats(columns.get("ts", ()))
    raw_step = columns.get("step")
    if raw_step is not None and raw_step.count(None) == len(raw_step):
        raw_step = None
    step = floats(raw_step) if raw_step is not None else None
    if not ts or not _usable(ts) or (raw_step is not None and (not step or not _are_steps(step))):
        return None
    values = {k: v for k, v in columns.items() if k not in _OF_BLOCK}
    return Block(ts, step, values, str(columns.get("source", ("",))[0]))


def _usable(numbers: Floats) -> bool:
    total = sum(numbers)
    return total - total == 0.0


def _are_steps(numbers: Floats) -> bool:
    return _usable(numbers) and min(numbers) > -WHOLE_LIMIT and max(numbers) < WHOLE_LIMIT


def _single(row: dict[str, Any], out: Decoded) -> None:
    kind, ts, step = row.get("kind"), number(row.get("ts")), number(row.get("step"))
    if ts is None or ts - ts != 0.0 or (step is not None and not abs(step) < WHOLE_LIMIT):
        return _note(out, repr(row))
    if kind == "metric":
        block = _block({k: (v,) for k, v in row.items()})
        return out.items.append(block) if block else _note(out, repr(row))
    if kind not in _event_kinds:
        return _note(out, repr(row))
    fields = {k: _fitting(v) for k, v in row.items() if k not in _NOT_METRICS}
    out.items.append(
        Event(ts=ts, kind=kind, step=None if step is None else int(step), fields=fields)
    )
    return None


def _fitting(value: Any) -> Any:
    """The value, with floats for integers that no answer of ours could hold."""
    if isinstance(value, int):
        return value if -_INT_LIMIT <= value < _INT_LIMIT else number(value)
    if isinstance(value, list):
        return [_fitting(v) for v in value]
    return {k: _fitting(v) for k, v in value.items()} if isinstance(value, dict) else value
