"""The core's routes about configuration, prefabs and plans."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Response

from nanochat_host.core import wire_config as wire
from nanochat_host.core.config.service import Configs
from nanochat_host.core.http_glue import Doc, body_of, reply

PrefabName = Annotated[str, Path(max_length=64, pattern=r"^\$?[A-Za-z0-9][A-Za-z0-9._-]*$")]
CheckoutName = Annotated[str, Query(max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def config_routes(app: FastAPI, configs: Configs, doc: Doc) -> None:
    """Add them to the application."""
    _config(app, configs, doc)
    _prefabs(app, configs, doc)


def _config(app: FastAPI, configs: Configs, doc: Doc) -> None:
    @app.post("/v1/config/schema", **doc(wire.ConfigSchema, wire.SchemaWish))
    async def schema(
        wish: Annotated[wire.SchemaWish, Depends(body_of(wire.SchemaWish))],
    ) -> Response:
        """A stage's options: typed, grouped, with units and limits."""
        return reply(await asyncio.to_thread(configs.schema, wish))

    @app.post("/v1/config/show", **doc(wire.EffectiveConfig, wire.ConfigWish))
    async def show(
        wish: Annotated[wire.ConfigWish, Depends(body_of(wire.ConfigWish))],
    ) -> Response:
        """Effective values, where each is from, and what is wrong."""
        return reply(await asyncio.to_thread(configs.show, wish))

    @app.post("/v1/config/diff", **doc(list[wire.DiffRow], wire.DiffWish))
    async def diff(wish: Annotated[wire.DiffWish, Depends(body_of(wire.DiffWish))]) -> Response:
        """What differs from defaults or a prefab."""
        return reply(await asyncio.to_thread(configs.diff, wish))

    @app.post("/v1/config/plan", **doc(wire.ConfigReport, wire.ConfigWish))
    async def plan(
        wish: Annotated[wire.ConfigWish, Depends(body_of(wire.ConfigWish))],
    ) -> Response:
        """Values, plan and preflight findings at once."""
        return reply(await asyncio.to_thread(configs.report, wish))

    @app.post("/v1/config/target", **doc(wire.TargetReport, wire.TargetWish))
    async def target(
        wish: Annotated[wire.TargetWish, Depends(body_of(wire.TargetWish))],
    ) -> Response:
        """The same for every step of what is about to start."""
        return reply(await configs.target_in_thread(wish))

    @app.get("/v1/gpus", **doc(list[wire.GpuKind]))
    async def gpus() -> Response:
        """GPUs to plan for."""
        return reply(configs.gpus())


def _prefabs(app: FastAPI, configs: Configs, doc: Doc) -> None:
    @app.get("/v1/prefabs", **doc(list[wire.PrefabInfo]))
    async def prefabs() -> Response:
        """Prefabs in reach."""
        return reply(await asyncio.to_thread(configs.prefabs.all))

    @app.post("/v1/prefabs", **doc(wire.PrefabInfo, wire.SavePrefab, status=201))
    async def save_prefab(
        wish: Annotated[wire.SavePrefab, Depends(body_of(wire.SavePrefab))],
    ) -> Response:
        """Save a prefab of one's own, or edit it."""
        return reply(await asyncio.to_thread(configs.save, wish), 201)

    @app.get("/v1/prefabs/{name}", **doc(wire.PrefabDetail))
    async def prefab(name: PrefabName, checkout: CheckoutName = "tiny") -> Response:
        """A prefab with all it extends, how it fits a checkout, and what it costs where."""
        return reply(await asyncio.to_thread(configs.prefab, name, checkout))

    @app.delete("/v1/prefabs/{name}", **doc(wire.PrefabInfo))
    async def delete_prefab(name: PrefabName) -> Response:
        """Delete a prefab of one's own."""
        return reply(await asyncio.to_thread(configs.prefabs.delete, name))
