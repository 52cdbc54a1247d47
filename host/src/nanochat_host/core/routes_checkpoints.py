"""The core's routes about checkpoints."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Response

from nanochat_host.core import wire_checkpoints as wire
from nanochat_host.core.checkpoints.service import Checkpoints
from nanochat_host.core.http_glue import Doc, body_of, reply

CheckoutName = Annotated[str, Query(max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def checkpoint_routes(app: FastAPI, checkpoints: Checkpoints, doc: Doc) -> None:
    """Add them to the application."""

    @app.get("/v1/checkpoints", **doc(wire.CheckpointList))
    async def listing(checkout: CheckoutName = "tiny") -> Response:
        """Every stage and tag of a checkout's base folder."""
        return reply(await asyncio.to_thread(checkpoints.listing, checkout))

    @app.get("/v1/checkpoints/one", **doc(wire.CheckpointDetail))
    async def one(
        checkpoint: Annotated[str, Query(max_length=300)], checkout: CheckoutName = "tiny"
    ) -> Response:
        """Metadata, tensors and options of one; read without running its code."""
        return reply(await asyncio.to_thread(checkpoints.detail, checkout, checkpoint))

    @app.get("/v1/checkpoints/report", **doc(wire.ReportCard))
    async def report(checkout: CheckoutName = "tiny") -> Response:
        """What evaluations measured, across stages."""
        return reply(await asyncio.to_thread(checkpoints.report, checkout))

    @app.post("/v1/checkpoints/check", **doc(wire.CheckReport, wire.CheckWish))
    async def check(
        wish: Annotated[wire.CheckWish, Depends(body_of(wire.CheckWish))],
    ) -> Response:
        """Does it fit this checkout, configuration and number of processes?"""
        return reply(await asyncio.to_thread(checkpoints.check, wish))

    @app.post("/v1/checkpoints/delete", **doc(wire.DeletePlan, wire.DeleteWish))
    async def delete(
        wish: Annotated[wire.DeleteWish, Depends(body_of(wire.DeleteWish))],
    ) -> Response:
        """Say what would go; with `sure`, delete it."""
        return reply(await asyncio.to_thread(checkpoints.delete, wish))

    @app.post("/v1/checkpoints/reshard", **doc(wire.ReshardDone, wire.ReshardWish))
    async def reshard(
        wish: Annotated[wire.ReshardWish, Depends(body_of(wire.ReshardWish))],
    ) -> Response:
        """Convert the optimizer's shards to another number of processes, as a new tag."""
        return reply(await asyncio.to_thread(checkpoints.reshard, wish))

    @app.post("/v1/checkpoints/form", **doc(wire.FormFill, wire.FormWish))
    async def form(
        wish: Annotated[wire.FormWish, Depends(body_of(wire.FormWish))],
    ) -> Response:
        """What to start, and with which options, to go on from it."""
        return reply(await asyncio.to_thread(checkpoints.form, wish))
