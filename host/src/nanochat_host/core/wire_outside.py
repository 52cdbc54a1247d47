"""Wire types of what comes from outside: accounts, receivers, adopted runs, alert settings."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from nanochat_host.core.wire import FilePath

Account = Annotated[str, Meta(max_length=32)]


class AccountInfo(msgspec.Struct):
    """GET /v1/accounts. where: "" if there is no token. origin: where the token came from.
    checked_as: the account's name at the service, if it was asked just now. Never the token."""

    account: str
    title: str
    env: str
    where: Literal["", "file", "keyring", "environment"] = ""
    origin: str = ""
    saved_at: float = 0.0
    page: str = ""
    checked_as: str = ""


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/accounts. check: ask the service first, and keep a good token only."""

    account: Account
    token: Annotated[str, Meta(max_length=4096)]
    check: bool = True
    origin: Annotated[str, Meta(max_length=200)] = ""

    def __repr__(self) -> str:
        return f"Login({self.account!r}, <hidden>)"


class ImportTokens(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/accounts/import. files: absolute paths; none: the usual places, and `.mc_env` and
    `.env` in `folders`. environ: variables of the person's shell that hold tokens."""

    files: Annotated[list[FilePath], Meta(max_length=32)] = []
    folders: Annotated[list[FilePath], Meta(max_length=64)] = []
    environ: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"ImportTokens({self.files!r}, {sorted(self.environ)!r})"


class ImportedToken(msgspec.Struct):
    """A token that was found. saved: false if an earlier place had one for that account."""

    account: str
    origin: str
    warning: str = ""
    saved: bool = True


class AdoptRun(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/adopt. log: absolute path of the file the trainer prints to. pid: of the trainer, 0:
    whoever writes the log. wandb: entity/project/run-id or address of its page. wandb_dir: folder
    with W&B's own files."""

    log: Annotated[str, Meta(max_length=4096, pattern=r"^/[^\x00]*$")]
    name: Annotated[str, Meta(max_length=120)] = ""
    checkout: Annotated[str, Meta(max_length=60)] = ""
    pid: Annotated[int, Meta(ge=0, le=2**31)] = 0
    wandb: Annotated[str, Meta(max_length=500)] = ""
    wandb_dir: FilePath = ""
    cost_per_hour: float = 0.0


class SourceInfo(msgspec.Struct):
    """GET /v1/runs/{id}/sources. state: as in `RunFacts.sources`. detail: why. heard_at: seconds
    since 1970, 0 if not known. page: where a person can look at it."""

    name: str
    state: str
    detail: str = ""
    heard_at: float = 0.0
    page: str = ""


class OtlpListener(msgspec.Struct):
    """Where OTLP is received. detail: why not. checked_ms: how long the last self-check's span
    took to arrive, 0 if it did not."""

    protocol: str
    address: str
    state: Literal["live", "off"]
    detail: str = ""
    checked_ms: float = 0.0


class OtlpStatus(msgspec.Struct):
    """GET /v1/otlp, and POST /v1/otlp/check, which sends a span to each listener first.
    unassigned: spans and points that belong to no run."""

    listeners: list[OtlpListener]
    spans: int = 0
    points: int = 0
    unassigned: int = 0


class RaisedAlert(msgspec.Struct):
    """GET /v1/alerts/raised. rule: its name, "pack:rule" for a pack's. hint: what to do. step: when
    it was raised, if the run had begun. since, until: seconds since 1970; until 0: it is active."""

    run: str
    run_name: str
    rule: str
    severity: Literal["info", "warning", "error"]
    message: str
    hint: str = ""
    step: int | None = None
    since: float = 0.0
    until: float = 0.0


class ChangeAlerts(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/alerts. changes: keys of `AlertLimits`; null is back to the default."""

    changes: dict[str, float | int | bool | str | list[str] | None]


class AlertTest(msgspec.Struct):
    """POST /v1/alerts/test: how the command ended, and the end of what it printed."""

    exit_code: int
    output: str = ""
