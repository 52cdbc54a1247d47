"""The requests about what comes from outside, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from nanochat_host.core import wire_outside as wire
from nanochat_host.core.calls import Call
from nanochat_host.core.wire import RunSummary
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_health import HealthPart


def accounts() -> Call[list[wire.AccountInfo]]:
    return Call("GET", "/v1/accounts", list[wire.AccountInfo])


def login(body: wire.Login) -> Call[wire.AccountInfo]:
    return Call("POST", "/v1/accounts", wire.AccountInfo, body)


def import_tokens(body: wire.ImportTokens) -> Call[list[wire.ImportedToken]]:
    return Call("POST", "/v1/accounts/import", list[wire.ImportedToken], body)


def check_account(name: str) -> Call[wire.AccountInfo]:
    return Call("POST", f"/v1/accounts/{quote(name, safe='')}/check", wire.AccountInfo)


def forget_account(name: str) -> Call[wire.AccountInfo]:
    return Call("DELETE", f"/v1/accounts/{quote(name, safe='')}", wire.AccountInfo)


def adopt(body: wire.AdoptRun) -> Call[RunSummary]:
    return Call("POST", "/v1/adopt", RunSummary, body)


def sources(run_id: str) -> Call[list[wire.SourceInfo]]:
    return Call("GET", f"/v1/runs/{quote(run_id, safe='')}/sources", list[wire.SourceInfo])


def health(run_id: str) -> Call[list[HealthPart]]:
    return Call("GET", f"/v1/runs/{quote(run_id, safe='')}/health", list[HealthPart])


def otlp() -> Call[wire.OtlpStatus]:
    return Call("GET", "/v1/otlp", wire.OtlpStatus)


def check_otlp() -> Call[wire.OtlpStatus]:
    return Call("POST", "/v1/otlp/check", wire.OtlpStatus)


def alert_limits() -> Call[AlertLimits]:
    return Call("GET", "/v1/alerts", AlertLimits)


def raised_alerts(run_id: str = "") -> Call[list[wire.RaisedAlert]]:
    search = urlencode({"run": run_id})
    return Call("GET", f"/v1/alerts/raised?{search}", list[wire.RaisedAlert])


def change_alerts(body: wire.ChangeAlerts) -> Call[AlertLimits]:
    return Call("POST", "/v1/alerts", AlertLimits, body)


def test_alert() -> Call[wire.AlertTest]:
    return Call("POST", "/v1/alerts/test", wire.AlertTest)
