"""OTLP over gRPC on loopback, where the optional package grpcio is installed."""

from __future__ import annotations

import asyncio
import importlib
import os
from typing import TYPE_CHECKING, Any

from nanochat_host.core.telemetry.otlp_decode import NotOtlpError
from nanochat_host.core.telemetry.otlp_http import HOST, MAX_BODY, Take

if TYPE_CHECKING:
    import grpc.aio

_SERVICES = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
}


_QUIET = {"GRPC_VERBOSITY": "NONE", "GRPC_ENABLE_FORK_SUPPORT": "0"}
"""gRPC's C core prints to stderr on its own, for example that a port is in use, which we say
ourselves; and it minds forks, of which the core makes none."""


async def listen(port: int, take: Take) -> grpc.aio.Server:
    """Serve until stopped. Raises ImportError without grpcio, OSError when the port is in use."""
    os.environ.update(_QUIET)  # read at the first import
    await asyncio.to_thread(importlib.import_module, "grpc.aio")  # it takes a tenth of a second
    import grpc
    import grpc.aio

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        """Hands the bytes of a request on: the library's own messages are not needed."""

        def service(self, call: Any) -> Any:
            signal = _SERVICES.get(call.method)
            if signal is None:
                return None

            async def export(request: bytes, context: Any) -> bytes:
                try:
                    take(signal, request, False)
                except NotOtlpError as error:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
                except OSError as error:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
                return b""

            return grpc.unary_unary_rpc_method_handler(export)

    server = grpc.aio.server(
        options=(("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_BODY))
    )
    server.add_generic_rpc_handlers((Handler(),))
    try:
        bound = server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise OSError(98, str(error)) from None
    if not bound:
        raise OSError(98, "the port is in use")
    await server.start()
    return server


def send(port: int, body: bytes, timeout_s: float) -> None:
    """Export a trace request as an exporter would. Blocks. Raises OSError, ImportError."""
    import grpc

    with grpc.insecure_channel(f"{HOST}:{port}") as channel:
        export = channel.unary_unary(next(iter(_SERVICES)))
        try:
            export(body, timeout=timeout_s)
        except grpc.RpcError as error:
            words = error.details() if isinstance(error, grpc.Call) else error
            raise OSError(str(words)) from None
