"""uvicorn around the core's application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from nanochat_host.core.api import create_app
from nanochat_host.core.service import Core

GRACE_S = 2
"""Longest wait for open requests when going down."""
KEEP_ALIVE_S = 3600


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the core's: streams must end before connections can."""
        yield


async def serve_until_told(core: Core, door: socket.socket) -> None:
    """Serve requests at a bound, listening socket until `core.closing` is set."""
    config = uvicorn.Config(
        core.outside.traced(create_app(core)),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)

    async def stop_when_told() -> None:
        await core.closing.wait()
        server.should_exit = True

    stopper = asyncio.create_task(stop_when_told())
    try:
        await server.serve(sockets=[door])
    finally:
        stopper.cancel()
