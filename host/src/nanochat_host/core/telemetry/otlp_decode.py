"""OTLP requests, protobuf or JSON, to spans and points. Only what is used is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from nanochat_host.core.telemetry import protobuf as pb

T = TypeVar("T")
MAX_DEPTH = 8
Attributes = dict[str, Any]


class NotOtlpError(ValueError):
    """A body that is no OTLP request."""


@dataclass
class Span:
    """start_s: seconds since 1970. ms: duration. resource: who sent it."""

    name: str
    start_s: float
    ms: float
    resource: Attributes = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    error: bool = False


@dataclass
class Point:
    """One value of a metric; of a histogram its mean."""

    name: str
    ts: float
    value: float
    resource: Attributes = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)


def spans(raw: bytes, *, json: bool) -> list[Span]:
    """Spans of an ExportTraceServiceRequest. Raises NotOtlpError."""
    return _guarded(lambda: list(_json_spans(raw) if json else _pb_spans(raw)))


def points(raw: bytes, *, json: bool) -> list[Point]:
    """Points of an ExportMetricsServiceRequest. Raises NotOtlpError."""
    return _guarded(lambda: list(_json_points(raw) if json else _pb_points(raw)))


def _guarded(read: Callable[[], list[T]]) -> list[T]:
    try:
        return read()
    except (
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        RecursionError,
        OverflowError,
    ) as error:
        raise NotOtlpError(f"not an OTLP request: {error}") from None


# -- protobuf -----------------------------------------------------------------------------------


def _groups(raw: bytes) -> Iterator[tuple[Attributes, bytes]]:
    """(resource, item) of every ResourceSpans or ResourceMetrics: they have the same shape."""
    for group in pb.blobs(pb.message(raw), 1):
        parts = pb.message(group)
        resource = _attributes(pb.blobs(pb.message(pb.blob(parts, 1)), 1))
        for scope in pb.blobs(parts, 2):
            for item in pb.blobs(pb.message(scope), 2):
                yield resource, item


def _pb_spans(raw: bytes) -> Iterator[Span]:
    for resource, item in _groups(raw):
        span = pb.message(item)
        start, end = pb.integer(span, 7), pb.integer(span, 8)
        failed = pb.integer(pb.message(pb.blob(span, 15)), 3) == 2
        attributes = _attributes(pb.blobs(span, 9))
        yield Span(pb.text(span, 5), start / 1e9, (end - start) / 1e6, resource, attributes, failed)


def _pb_points(raw: bytes) -> Iterator[Point]:
    for resource, item in _groups(raw):
        metric = pb.message(item)
        name = pb.text(metric, 1)
        for kind in (5, 7):  # gauge, sum
            for entry in pb.blobs(pb.message(pb.blob(metric, kind)), 1):
                point = pb.message(entry)
                if 4 in point:
                    value = pb.double(pb.integer(point, 4))
                elif 6 in point:
                    value = float(pb.signed(pb.integer(point, 6)))
                else:
                    continue
                at = pb.integer(point, 3) / 1e9
                yield Point(name, at, value, resource, _attributes(pb.blobs(point, 7)))
        for entry in pb.blobs(pb.message(pb.blob(metric, 9)), 1):
            point = pb.message(entry)
            count = pb.integer(point, 4)
            if count and 5 in point:
                mean = pb.double(pb.integer(point, 5)) / count
                at = pb.integer(point, 3) / 1e9
                yield Point(name, at, mean, resource, _attributes(pb.blobs(point, 9)))


def _attributes(raws: list[bytes]) -> Attributes:
    pairs = (pb.message(raw) for raw in raws)
    return {pb.text(pair, 1): _any(pb.blob(pair, 2), 0) for pair in pairs}


def _any(raw: bytes, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise pb.WireError("nested too deep")
    for number, value in pb.fields(raw):
        if number == 1 and isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if number == 2 and isinstance(value, int):
            return bool(value)
        if number == 3 and isinstance(value, int):
            return pb.signed(value)
        if number == 4 and isinstance(value, int):
            return pb.double(value)
        if number == 5 and isinstance(value, bytes):
            return [_any(v, depth + 1) for v in pb.blobs(pb.message(value), 1)]
        if number == 6 and isinstance(value, bytes):
            pairs = (pb.message(v) for v in pb.blobs(pb.message(value), 1))
            return {pb.text(p, 1): _any(pb.blob(p, 2), depth + 1) for p in pairs}
        if number == 7 and isinstance(value, bytes):
            return value.hex()
    return None


# -- JSON ---------------------------------------------------------------------------------------


def _json_groups(
    raw: bytes, outer: str, inner: str, items: str
) -> Iterator[tuple[Attributes, dict[str, Any]]]:
    body = msgspec.json.decode(raw)
    for group in body.get(outer, []):
        resource = _json_attributes(group.get("resource", {}).get("attributes", []))
        for scope in group.get(inner, []):
            for item in scope.get(items, []):
                yield resource, item


def _json_spans(raw: bytes) -> Iterator[Span]:
    for resource, span in _json_groups(raw, "resourceSpans", "scopeSpans", "spans"):
        start = int(span.get("startTimeUnixNano", 0))
        end = int(span.get("endTimeUnixNano", 0))
        yield Span(
            str(span.get("name", "")), start / 1e9, (end - start) / 1e6, resource,
            _json_attributes(span.get("attributes", [])),
            span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR"),
        )  # fmt: skip


def _json_points(raw: bytes) -> Iterator[Point]:
    for resource, metric in _json_groups(raw, "resourceMetrics", "scopeMetrics", "metrics"):
        name = str(metric.get("name", ""))
        for kind in ("gauge", "sum", "histogram"):
            for point in metric.get(kind, {}).get("dataPoints", []):
                if kind == "histogram":
                    count = int(point.get("count", 0))
                    value = float(point.get("sum", 0.0)) / count if count else None
                else:
                    value = point.get("asDouble", point.get("asInt"))
                if value is not None:
                    at = int(point.get("timeUnixNano", 0)) / 1e9
                    attributes = _json_attributes(point.get("attributes", []))
                    yield Point(name, at, float(value), resource, attributes)


def _json_attributes(pairs: list[dict[str, Any]]) -> Attributes:
    return {str(pair.get("key", "")): _json_any(pair.get("value", {})) for pair in pairs}


def _json_any(value: dict[str, Any]) -> Any:
    for kind, given in value.items():
        if kind == "intValue":
            return int(given)
        if kind == "arrayValue":
            return [_json_any(v) for v in given.get("values", [])]
        if kind == "kvlistValue":
            return _json_attributes(given.get("values", []))
        return given
    return None
