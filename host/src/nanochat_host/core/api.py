"""The core's door: typed routes over a unix socket. The CLI and the screen are both its clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, FastAPI, Path, Query, Response
from fastapi.responses import StreamingResponse
from nanochat_sdk.data import Event, LogPage, LogQuery, MachineFacts

import nanochat_host
from nanochat_host.core import wire
from nanochat_host.core.calls import MSGPACK
from nanochat_host.core.http_glue import Doc, answer_errors, body_of, reply
from nanochat_host.core.routes_broker import broker_routes
from nanochat_host.core.routes_chat import chat_routes
from nanochat_host.core.routes_checkpoints import checkpoint_routes
from nanochat_host.core.routes_compare import compare_routes
from nanochat_host.core.routes_config import config_routes
from nanochat_host.core.routes_outside import outside_routes
from nanochat_host.core.routes_queue import queue_routes
from nanochat_host.core.routes_setup import setup_routes
from nanochat_host.core.service import Core
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.errors import UsageError

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
RunId = Annotated[str, Path(max_length=120, pattern=_NAME)]
CheckoutName = Annotated[str, Path(max_length=60, pattern=_NAME)]
KINDS = ("log", "span", "sample", "checkpoint", "alert", "state")


def create_app(core: Core) -> FastAPI:
    """The application that serves one core."""
    doc = Doc()
    app = FastAPI(
        title="nanochat-cli core",
        version=nanochat_host.__version__,
        description="Owns the runs of one home folder. Spoken to over a unix socket.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    answer_errors(app)
    app.openapi = _once(lambda: doc.document(app))  # type: ignore[method-assign]
    _core_routes(app, core, doc)
    _checkout_routes(app, core, doc)
    _run_routes(app, core, doc)
    _telemetry_routes(app, core, doc)
    config_routes(app, core.configs, doc)
    checkpoint_routes(app, core.checkpoints, doc)
    chat_routes(app, core.chats, doc)
    compare_routes(app, core, doc)
    outside_routes(app, core, doc)
    broker_routes(app, core.broker, doc)
    queue_routes(app, core.queue, doc)
    setup_routes(app, core.setup, doc)
    return app


def _core_routes(app: FastAPI, core: Core, doc: Doc) -> None:
    @app.get("/v1/health", **doc(wire.CoreInfo))
    async def health() -> Response:
        """Who serves this home."""
        return reply(core.info())

    @app.post("/v1/shutdown", **doc(wire.CoreInfo, status=202))
    async def shutdown() -> Response:
        """Stop the core. Runs go on, and the next core takes them up."""
        return reply(core.shut_down(), 202)

    @app.post("/v1/debug", **doc(wire.CoreInfo, wire.SetDebug))
    async def debug(
        wanted: Annotated[wire.SetDebug, Depends(body_of(wire.SetDebug))],
    ) -> Response:
        """Switch verbose logging."""
        return reply(core.set_debug(wanted.on))

    @app.get("/v1/machine", **doc(MachineFacts))
    async def machine() -> Response:
        """The machine the core runs on."""
        return reply(core.machine())


def _checkout_routes(app: FastAPI, core: Core, doc: Doc) -> None:
    @app.get("/v1/checkouts", **doc(list[wire.CheckoutRef]))
    async def checkouts() -> Response:
        """Registered checkouts, the built-in first."""
        return reply(await asyncio.to_thread(core.checkouts.all))

    @app.post("/v1/checkouts", **doc(wire.CheckoutRef, wire.AddCheckout, status=201))
    async def add_checkout(
        wanted: Annotated[wire.AddCheckout, Depends(body_of(wire.AddCheckout))],
    ) -> Response:
        """Register a folder with nanochat's `scripts/`."""
        added = await asyncio.to_thread(core.checkouts.add, wanted)
        core.streams.about_lists()
        return reply(added, 201)

    @app.get("/v1/checkouts/{name}", **doc(wire.CheckoutInfo))
    async def checkout(name: CheckoutName) -> Response:
        """Stages, options and pipelines, as the source declares them now."""
        return reply(await asyncio.to_thread(core.checkouts.info, name))

    @app.delete("/v1/checkouts/{name}", **doc(wire.CheckoutRef))
    async def remove_checkout(name: CheckoutName) -> Response:
        """Forget a checkout; its folder stays."""
        removed = await asyncio.to_thread(core.checkouts.remove, name)
        core.streams.about_lists()
        return reply(removed)


def _run_routes(app: FastAPI, core: Core, doc: Doc) -> None:
    @app.get("/v1/runs", **doc(list[wire.RunSummary]))
    async def runs() -> Response:
        """All runs, newest first."""
        return reply(core.list_runs())

    @app.post("/v1/runs", **doc(wire.RunSummary, wire.StartRun, status=201))
    async def start_run(
        wanted: Annotated[wire.StartRun, Depends(body_of(wire.StartRun))],
    ) -> Response:
        """Start a stage or a pipeline."""
        return reply(await core.start_run(wanted), 201)

    @app.get("/v1/runs/{run_id}", **doc(wire.RunDetail))
    async def run(run_id: RunId) -> Response:
        """Everything known about a run, but its telemetry."""
        return reply(core.run_detail(run_id))

    @app.delete("/v1/runs/{run_id}", **doc(wire.RunSummary))
    async def delete_run(run_id: RunId) -> Response:
        """Delete an ended run's folder; its checkpoints are nanochat's and stay."""
        return reply(core.delete_run(run_id))

    @app.post("/v1/runs/{run_id}/control", **doc(wire.ControlAck, wire.Control, status=202))
    async def control(
        run_id: RunId, wanted: Annotated[wire.Control, Depends(body_of(wire.Control))]
    ) -> Response:
        """Hand a command to the trainer's hook."""
        return reply(core.commands.control(run_id, wanted), 202)

    @app.post("/v1/runs/{run_id}/stop", **doc(wire.ControlAck, wire.StopRun, status=202))
    async def stop(
        run_id: RunId, wanted: Annotated[wire.StopRun, Depends(body_of(wire.StopRun))]
    ) -> Response:
        """Take a run down: save, then SIGTERM, then SIGKILL."""
        return reply(core.commands.stop(run_id, wanted), 202)


def _telemetry_routes(app: FastAPI, core: Core, doc: Doc) -> None:
    @app.get("/v1/runs/{run_id}/metrics", **doc(list[wire.MetricInfo]))
    async def metrics(run_id: RunId) -> Response:
        """The run's metrics."""
        return reply(core.metrics(run_id))

    @app.get("/v1/runs/{run_id}/health", **doc(list[HealthPart]))
    async def health(run_id: RunId) -> Response:
        """How the run and its machine fare."""
        return reply(core.health(run_id))

    @app.get("/v1/runs/{run_id}/log", **doc(LogPage))
    async def log(
        run_id: RunId,
        lines: Annotated[int, Query(ge=1, le=500)] = 100,
        search: Annotated[str, Query(max_length=200)] = "",
        level: Literal["all", "info", "warning", "error"] = "all",
    ) -> Response:
        """The last lines of output that match."""
        return reply(core.log(run_id, LogQuery(lines=lines, search=search, level=level)))

    @app.get("/v1/runs/{run_id}/events", **doc(list[Event]))
    async def events(
        run_id: RunId,
        kinds: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> Response:
        """The newest events of these kinds (comma-separated; none: all but metrics)."""
        wanted = [kind for kind in kinds.split(",") if kind] or list(KINDS)
        for kind in wanted:
            if kind not in KINDS:
                raise UsageError(f"`{kind}` is no kind of event", f"there are: {', '.join(KINDS)}")
        return reply(core.events(run_id, wanted, limit))

    @app.post("/v1/query", **doc(wire.QueryResult, wire.Query, media=MSGPACK))
    async def query(
        wanted: Annotated[wire.Query, Depends(body_of(wire.Query, MSGPACK))],
    ) -> Response:
        """Data for all panels of a screen."""
        return reply(core.query(wanted), kind=MSGPACK)

    @app.get("/v1/stream", **doc(wire.StreamMessage, media="text/event-stream"))
    async def stream(
        run: Annotated[str, Query(max_length=120, pattern=r"^[A-Za-z0-9._-]*$")] = "",
    ) -> Response:
        """Server-sent events: what changes, as it changes."""
        messages = core.stream(run)
        if run:
            core.run(run)
        return StreamingResponse(_sse(messages), media_type="text/event-stream")


async def _sse(messages: AsyncIterator[wire.StreamMessage | None]) -> AsyncIterator[bytes]:
    encoder = msgspec.json.Encoder()
    async for message in messages:
        if message is None:
            yield b": still here\n\n"
        else:
            yield b"data: " + encoder.encode(message) + b"\n\n"


def _once(make: Any) -> Any:
    """Build the document at the first request only."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(make())
        return made[0]

    return document
