"""The core's routes about what packs declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Response

from nanochat_host.core.http_glue import Doc, reply
from nanochat_host.core.wire_declared import DeclaredPack, PackAlert

if TYPE_CHECKING:
    from nanochat_host.core.declared import Declared


def declared_routes(app: FastAPI, declared: Declared, doc: Doc) -> None:
    """Add them to the application."""

    @app.get("/v1/declared", **doc(list[DeclaredPack]))
    async def packs() -> Response:
        """What enabled packs declare, as it counts now."""
        declared.look()
        return reply(declared.packs())

    @app.get("/v1/alerts/rules", **doc(list[PackAlert]))
    async def rules() -> Response:
        """Alert rules of packs, with the person's values."""
        declared.look()
        return reply(declared.alerts())
