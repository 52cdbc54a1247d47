"""The core's routes about what comes from outside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Path, Query, Response

from nanochat_host.core import wire_outside as wire
from nanochat_host.core.http_glue import Doc, body_of, reply
from nanochat_host.core.routes_declared import declared_routes
from nanochat_host.core.wire import RunSummary
from nanochat_host.core.wire_alerts import AlertLimits

if TYPE_CHECKING:
    from nanochat_host.core.outside import Outside
    from nanochat_host.core.secrets.service import Secrets
    from nanochat_host.core.service import Core

RunId = Annotated[str, Path(max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Account = Annotated[str, Path(max_length=32, pattern=r"^[a-z]+$")]


def outside_routes(app: FastAPI, core: Core, doc: Doc) -> None:
    """Add them to the application."""
    _accounts(app, core.secrets, doc)
    _sources(app, core.outside, doc)
    _alerts(app, core.outside, doc)
    declared_routes(app, core.outside, doc)


def _accounts(app: FastAPI, secrets: Secrets, doc: Doc) -> None:
    @app.get("/v1/accounts", **doc(list[wire.AccountInfo]))
    async def accounts() -> Response:
        """Accounts we know, and where their tokens lie."""
        return reply(await asyncio.to_thread(secrets.all))

    @app.post("/v1/accounts", **doc(wire.AccountInfo, wire.Login, status=201))
    async def login(wish: Annotated[wire.Login, Depends(body_of(wire.Login))]) -> Response:
        """Keep a token."""
        return reply(await asyncio.to_thread(secrets.login, wish), 201)

    @app.post("/v1/accounts/import", **doc(list[wire.ImportedToken], wire.ImportTokens))
    async def import_tokens(
        wish: Annotated[wire.ImportTokens, Depends(body_of(wire.ImportTokens))],
    ) -> Response:
        """Take tokens over from files and variables."""
        return reply(await asyncio.to_thread(secrets.take_over, wish))

    @app.post("/v1/accounts/{account}/check", **doc(wire.AccountInfo))
    async def check(account: Account) -> Response:
        """Ask the service whose token it is."""
        return reply(await asyncio.to_thread(secrets.check, account))

    @app.delete("/v1/accounts/{account}", **doc(wire.AccountInfo))
    async def forget(account: Account) -> Response:
        """Remove a token."""
        return reply(await asyncio.to_thread(secrets.forget, account))


def _sources(app: FastAPI, outside: Outside, doc: Doc) -> None:
    @app.post("/v1/adopt", **doc(RunSummary, wire.AdoptRun, status=201))
    async def adopt(wish: Annotated[wire.AdoptRun, Depends(body_of(wire.AdoptRun))]) -> Response:
        """Follow a run that somebody else started, by its log."""
        return reply(await outside.adopt(wish), 201)

    @app.get("/v1/runs/{run_id}/sources", **doc(list[wire.SourceInfo]))
    async def sources(run_id: RunId) -> Response:
        """Where the run's telemetry comes from, and how that stands."""
        return reply(outside.sources(run_id))

    @app.get("/v1/otlp", **doc(wire.OtlpStatus))
    async def otlp() -> Response:
        """Where OTLP is received, and what came."""
        return reply(outside.otlp.status())

    @app.post("/v1/otlp/check", **doc(wire.OtlpStatus))
    async def check_otlp() -> Response:
        """Send a test span to each listener, and see it arrive."""
        return reply(await outside.otlp.check())


def _alerts(app: FastAPI, outside: Outside, doc: Doc) -> None:
    alerting = outside.alerting

    @app.get("/v1/alerts/raised", **doc(list[wire.RaisedAlert]))
    async def raised(
        run: Annotated[str, Query(max_length=120, pattern=r"^[A-Za-z0-9._-]*$")] = "",
    ) -> Response:
        """Alerts of a run; without one, of those under way and of the newest that ended."""
        return reply(outside.raised(run))

    @app.get("/v1/alerts", **doc(AlertLimits))
    async def limits() -> Response:
        """What alerts are measured against."""
        return reply(alerting.limits)

    @app.post("/v1/alerts", **doc(AlertLimits, wire.ChangeAlerts))
    async def change(
        wish: Annotated[wire.ChangeAlerts, Depends(body_of(wire.ChangeAlerts))],
    ) -> Response:
        """Change limits; they count at once and are saved."""
        return reply(alerting.change(wish.changes))

    @app.post("/v1/alerts/test", **doc(wire.AlertTest))
    async def test() -> Response:
        """Run the command as for an alert."""
        return reply(await alerting.test())
