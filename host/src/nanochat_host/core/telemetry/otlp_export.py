"""Our own spans, for those who collect them: every request the core answers, and every run.

On when OTEL_EXPORTER_OTLP_ENDPOINT is set and the optional packages are there. The exporter reads
the standard's own variables (headers, compression, timeout) and sends from a thread of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from nanochat_host import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger(__name__)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Spans:
    """Makes and sends spans. Use `start_spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("nanochat_host.core", __version__)

    def run_ended(self, name: str, started_at: float, ended_at: float, **facts: Any) -> None:
        """A whole run as one span."""
        span = self._tracer.start_span(
            f"run {name}",
            start_time=int(started_at * 1e9),
            attributes={f"nanochat_cli.{k}": v for k, v in facts.items() if v is not None},
        )
        if facts.get("state") != "done":
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR, str(facts.get("reason", "")))
        span.end(int(ended_at * 1e9))

    def around(self, app: App) -> App:
        """An ASGI application whose requests are spans, named by their route. Streams are left out:
        they last as long as a screen is open."""

        async def traced(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"] == "/v1/stream":
                await app(scope, receive, send)
                return
            with self._tracer.start_as_current_span(scope["method"]) as span:

                async def sent(message: dict[str, Any]) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute("http.response.status_code", message["status"])
                    await send(message)

                try:
                    await app(scope, receive, sent)
                finally:
                    route = getattr(scope.get("route"), "path", scope["path"])
                    span.update_name(f"{scope['method']} {route}")

        return traced

    def close(self) -> None:
        """Send what is left; waits a few seconds at most."""
        self._provider.shutdown()


def start_spans(exporter: SpanExporter | None = None) -> Spans | None:
    """Spans if somebody wants them. exporter: instead of the one for the endpoint."""
    if exporter is None and not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        logger.warning(
            "spans are not exported: %s; install them: `pip install 'nanochat-cli-host[otlp]'`",
            error,
        )
        return None
    resource = Resource.create({"service.name": "nanochat-cli", "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    return Spans(provider)
