"""The core's routes about what packs declare, and about replays, which show it without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Response

from nanochat_host.core.http_glue import Doc, body_of, reply
from nanochat_host.core.wire import RunSummary
from nanochat_host.core.wire_declared import DeclaredPack, PackAlert
from nanochat_host.core.wire_replay import StartReplay

if TYPE_CHECKING:
    from nanochat_host.core.outside import Outside


def declared_routes(app: FastAPI, outside: Outside, doc: Doc) -> None:
    """Add them to the application."""
    declared = outside.declared

    @app.post("/v1/replays", **doc(RunSummary, StartReplay, status=201))
    async def replay(
        wish: Annotated[StartReplay, Depends(body_of(StartReplay))],
    ) -> Response:
        """Play recorded files as a run."""
        return reply(await outside.replay(wish), 201)

    @app.get("/v1/declared", **doc(list[DeclaredPack]))
    async def packs() -> Response:
        """What enabled packs declare, as it counts now."""
        await declared.look()
        return reply(declared.packs())

    @app.get("/v1/alerts/rules", **doc(list[PackAlert]))
    async def rules() -> Response:
        """Alert rules of packs, with the person's values."""
        await declared.look()
        return reply(declared.alerts())
