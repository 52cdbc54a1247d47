"""Our own spans: sent when asked for, to an exporter like the real one."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from nanochat_host.core.telemetry import otlp_export
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


def test_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    assert otlp_export.start_spans() is None


async def test_requests_and_runs_are_spans() -> None:
    exporter = InMemorySpanExporter()
    spans = otlp_export.start_spans(exporter)
    assert spans is not None
    app = FastAPI()

    @app.get("/v1/runs/{run_id}")
    async def run(run_id: str) -> str:
        return run_id

    async with AsyncClient(transport=ASGITransport(spans.around(app)), base_url="http://x") as http:
        assert (await http.get("/v1/runs/abc")).status_code == 200
    spans.run_ended("d4", 1e9, 1e9 + 60, run="r1", state="failed", reason="exit code 1")
    spans.close()
    request, whole = exporter.get_finished_spans()
    assert request.name == "GET /v1/runs/{run_id}"
    assert request.attributes and request.attributes["http.response.status_code"] == 200
    assert whole.name == "run d4" and not whole.status.is_ok
    assert whole.end_time - whole.start_time == 60 * 10**9  # type: ignore[operator]
    assert whole.resource.attributes["service.name"] == "nanochat-cli"
