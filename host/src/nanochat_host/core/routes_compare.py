"""The core's route about several runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Response

from nanochat_host.core.calls import MSGPACK
from nanochat_host.core.http_glue import Doc, body_of, reply
from nanochat_host.core.wire_compare import CompareRuns, Comparison

if TYPE_CHECKING:
    from nanochat_host.core.service import Core


def compare_routes(app: FastAPI, core: Core, doc: Doc) -> None:
    """Add it to the application."""

    @app.post("/v1/compare", **doc(Comparison, CompareRuns, media=MSGPACK))
    async def compare(
        wish: Annotated[CompareRuns, Depends(body_of(CompareRuns, MSGPACK))],
    ) -> Response:
        """One metric of several runs along one axis, and how their starts differ."""
        return reply(core.compare(wish), kind=MSGPACK)
