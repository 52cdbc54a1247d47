"""OTLP requests to rows: MegaContext's own spans, JSON, and junk."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanochat_host.core.telemetry.otlp_decode import NotOtlpError, Point, Span, points, spans
from nanochat_host.core.telemetry.otlp_rows import point_row, span_row, step_of

MEGACONTEXT = gzip.decompress(
    (Path(__file__).parents[1] / "data" / "otlp" / "megacontext.pb.gz").read_bytes()
)


def test_spans_of_megacontext() -> None:
    found = spans(MEGACONTEXT, json=False)
    names = {span.name for span in found}
    assert {"mc_tree_snapshot", "delta_nll", "lod_metrics", "gistnet_usage"} <= names
    assert all(span.resource["run.id"] == "mc-cpu" for span in found)
    usage = next(span for span in found if span.name == "gistnet_usage")
    assert isinstance(usage.attributes["mc.block_tokens"], int)
    delta = next(span for span in found if span.name == "delta_nll")
    assert isinstance(delta.attributes["mc.mean"], float)
    assert all(1.7e9 < span.start_s < 4e9 and 0 <= span.ms < 1000 for span in found)


def test_their_rows_carry_step_and_attributes() -> None:
    found = [span_row(span) for span in spans(MEGACONTEXT, json=False)]
    delta = next(row for row in found if row["name"] == "delta_nll")
    assert delta["kind"] == "span" and delta["step"] >= 0 and "mc.mean" in delta
    assert delta["service"] == "megacontext-train"
    json.dumps(found)


def body(**value: object) -> bytes:
    attributes = [
        {"key": "n", "value": {"intValue": "7"}},
        {"key": "list", "value": {"arrayValue": {"values": [{"doubleValue": 0.5}]}}},
        {"key": "step", "value": {"intValue": "12"}},
        {"key": "name", "value": {"stringValue": "taken"}},
    ]
    span = {
        "name": "work", "startTimeUnixNano": "1795309000000000000",
        "endTimeUnixNano": "1795309000250000000", "attributes": attributes,
        "status": {"code": 2}, **value,
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "mine"}}]}
    group = {"resource": resource, "scopeSpans": [{"spans": [span]}]}
    return json.dumps({"resourceSpans": [group]}).encode()


def test_json() -> None:
    (span,) = spans(body(), json=True)
    row = span_row(span)
    assert row == {
        "ts": 1795309000.0, "kind": "span", "step": 12, "name": "work", "ms": 250.0,
        "source": "otlp", "service": "mine", "error": True, "n": 7, "list": [0.5],
        "attr.step": 12, "attr.name": "taken",
    }  # fmt: skip


def test_a_clock_that_was_not_set_and_an_end_before_the_start() -> None:
    (span,) = spans(body(startTimeUnixNano="0", endTimeUnixNano="-5"), json=True)
    row = span_row(span)
    assert row["ts"] > 1.7e9 and row["ms"] == 0.0


def test_metric_points() -> None:
    def metric(kind: str, **point: object) -> dict[str, object]:
        return {
            "name": kind,
            kind: {"dataPoints": [{"timeUnixNano": "1795309000000000000"} | point]},
        }

    metrics = [
        metric("gauge", asDouble=1.5, attributes=[{"key": "gpu", "value": {"intValue": "0"}}]),
        metric("sum", asInt="42"),
        metric("histogram", count="4", sum=2.0),
    ]
    raw = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
    rows = [point_row(point) for point in points(raw, json=True)]
    assert [(r.get("gauge/gpu=0"), r.get("sum"), r.get("histogram")) for r in rows] == [
        (1.5, None, None), (None, 42.0, None), (None, None, 0.5),
    ]  # fmt: skip
    assert all(r["kind"] == "metric" and r["source"] == "otlp" for r in rows)
    assert point_row(Point("x", 0.0, 1.0))["ts"] > 1.7e9


@pytest.mark.parametrize(
    ("attributes", "step"),
    [
        ({"step": 3}, 3),
        ({"mc.step": 4, "mc.session_id": "train_step_9"}, 4),
        ({"mc.session_id": "train_step_29_sample_1"}, 29),
        ({"mc.session_id": "infer_68a7"}, None),
        ({"step": True, "timestep_ms": 5}, None),
        ({"step": -1}, None),
    ],
)
def test_the_step(attributes: dict[str, object], step: int | None) -> None:
    assert step_of(attributes) == step


@given(st.binary(max_size=120))
def test_no_bytes_break_it(raw: bytes) -> None:
    for read in (spans, points):
        for as_json in (True, False):
            try:
                read(raw, json=as_json)
            except NotOtlpError:
                continue


def test_an_attribute_as_long_as_a_book_is_cut() -> None:
    row = span_row(Span("x", 2e9, 1.0, attributes={"big": "a" * 10**6}))
    assert len(row["big"]) < 70_000
