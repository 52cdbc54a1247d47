"""Wire types of what comes from outside: accounts, receivers, adopted runs, alert settings."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

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

    files: Annotated[list[str], Meta(max_length=32)] = []
    folders: Annotated[list[str], Meta(max_length=64)] = []
    environ: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"ImportTokens({self.files!r}, {sorted(self.environ)!r})"


class ImportedToken(msgspec.Struct):
    """A token that was found. saved: false if an earlier place had one for that account."""

    account: str
    origin: str
    warning: str = ""
    saved: bool = True
