"""Checks of what connects us to elsewhere: accounts, and the receiver of OTLP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nanochat_host.core import calls_outside as calls
from nanochat_host.core.secrets.parse import tokens_in_environment, tokens_in_file, usual_places
from nanochat_host.doctor.check import Check
from nanochat_host.paths import Paths


def accounts(paths: Paths) -> Iterator[Check]:
    """Which tokens there are; their values are never read into a report."""
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.start import core_is_up

    if core_is_up(paths):
        for info in CoreClient(paths).ask(calls.accounts()):
            detail = f"token kept in {info.where}" if info.where else "no token"
            fix = "" if info.where else f"nanochat-cli auth login {info.account}"
            yield Check("accounts", info.title, "ok" if info.where else "off", detail, fix)
        return
    found = {token.kind.name: token for token in tokens_in_environment(os.environ)}
    for path in usual_places(Path.home(), []):
        found |= {token.kind.name: token for token in tokens_in_file(path)}
    for token in found.values():
        detail = f"token in {token.origin}; {token.warning}".removesuffix("; ")
        yield Check("accounts", token.kind.title, "warn" if token.warning else "ok", detail)
    if not found:
        yield Check("accounts", "tokens", "off", "none; runs are kept here only")


def otlp(paths: Paths) -> Iterator[Check]:
    """A span is sent to each port, and has to arrive."""
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.start import core_is_up

    if not core_is_up(paths):
        yield Check("telemetry", "OTLP", "off", "the core is not running")
        return
    for listener in CoreClient(paths).ask(calls.check_otlp()).listeners:
        name, live = f"OTLP {listener.protocol}", listener.state == "live"
        if live and listener.checked_ms:
            what = f"{listener.address}: a test span arrived after {listener.checked_ms:.0f} ms"
            yield Check("telemetry", name, "ok", what)
        else:
            detail = f"{listener.address}: {listener.detail}"
            yield Check("telemetry", name, "fail" if live else "off", detail)
