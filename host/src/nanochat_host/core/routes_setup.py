"""The core's routes about getting a checkout ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Path, Response

from nanochat_host.core import wire
from nanochat_host.core import wire_setup as setup
from nanochat_host.core.http_glue import Doc, body_of, reply

if TYPE_CHECKING:
    from nanochat_host.core.setup.service import Setup

CheckoutName = Annotated[str, Path(max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def setup_routes(app: FastAPI, core: Setup, doc: Doc) -> None:
    """Add them to the application."""

    @app.get("/v1/checkouts/{name}/setup", **doc(setup.SetupStatus))
    async def status(name: CheckoutName, wait: bool = False) -> Response:
        """What is ready and what is missing. wait: until the environment is known."""
        return reply(await core.status(name, wait=wait))

    @app.get("/v1/checkouts/{name}/data", **doc(setup.DataStatus))
    async def data(name: CheckoutName) -> Response:
        """Data set and tokenizer."""
        return reply(await core.data(name))

    @app.get("/v1/checkouts/{name}/env", **doc(setup.EnvInfo))
    async def env(name: CheckoutName, anew: bool = False) -> Response:
        """The Python it runs with, and what that can do. anew: ask it again."""
        return reply(await core.env(name, wait=True, anew=anew))

    @app.post("/v1/checkouts/{name}/env", **doc(setup.EnvInfo, setup.UseEnv))
    async def use(
        name: CheckoutName, wish: Annotated[setup.UseEnv, Depends(body_of(setup.UseEnv))]
    ) -> Response:
        """Choose another interpreter."""
        return reply(await core.use_env(name, wish))

    @app.post("/v1/checkouts/{name}/env/plan", **doc(list[wire.RunStep], setup.MakeEnv))
    async def plan(
        name: CheckoutName, wish: Annotated[setup.MakeEnv, Depends(body_of(setup.MakeEnv))]
    ) -> Response:
        """The commands that would make it."""
        return reply(await core.plan_env(name, wish))

    @app.post("/v1/checkouts/{name}/env/make", **doc(wire.RunSummary, setup.MakeEnv, status=201))
    async def make(
        name: CheckoutName, wish: Annotated[setup.MakeEnv, Depends(body_of(setup.MakeEnv))]
    ) -> Response:
        """Start a run that makes the environment."""
        return reply(await core.make_env(name, wish), 201)
