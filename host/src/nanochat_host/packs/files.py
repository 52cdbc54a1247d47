"""What `files:read:PATH` comes to at the moment a panel is started: the file, or why not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nanochat_sdk.capabilities import FILES, parse_permission

from nanochat_host.packs.protected import protected

_POINTERS = (
    *("GOOGLE_APPLICATION_CREDENTIALS", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"),
    *("KUBECONFIG", "NETRC", "HF_TOKEN_PATH", "SSH_AUTH_SOCK", "PGPASSFILE"),
)
"""Variables that name files of credentials."""
_SECRETS = frozenset(
    {".ssh", ".netrc", "_netrc", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".mc_env", ".env"}
    | {".git-credentials", ".pypirc", ".npmrc", ".pgpass", ".vault-token", ".password-store"}
    | {".config", ".nanochat-cli", "credentials.json", "secrets.json", "token", "stored_tokens"}
    | {f"id_{kind}" for kind in ("rsa", "dsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk")}
)
"""Names that keys and tokens have, wherever they lie."""
_LOOK_AT, _LEVELS = 5000, 3
"""Entries and levels of a granted folder that are looked through for such names."""


class Files(NamedTuple):
    """found: (name, real name) of each. refused: permission to the reason, in a line."""

    found: tuple[tuple[str, str], ...]
    refused: dict[str, str]


def may_read_files(granted: Iterable[str]) -> bool:
    """One of these permissions is for a file: `readable_files` has something to look at."""
    return any(parse_permission(text).kind == FILES for text in granted)


def readable_files(granted: Iterable[str]) -> Files:
    """What a panel with these permissions may read now. Follows links, so ask at each start; looks
    through folders, so ask in a thread."""
    found: list[tuple[str, str]] = []
    refused: dict[str, str] = {}
    for text in sorted(granted):
        permission = parse_permission(text)
        if permission.kind != FILES:
            continue
        real = os.path.realpath(permission.argument)
        if why := refusal(real):
            refused[text] = why
        else:
            found.append((permission.argument, real))
    return Files(tuple(found), refused)


def refusal(path: str) -> str:
    """Why no pack may read the path as it is now; "" when one may."""
    if why := protected(path):
        return why
    real = os.path.realpath(path)
    for variable in _POINTERS:
        held = os.path.realpath(os.environ[variable]) if os.environ.get(variable) else ""
        if held and (held == real or held.startswith(real + "/")):
            return f"${variable} names it, or something in it"
    if _SECRETS & set(real.split("/")):
        return "its name is one that keys and tokens have"
    try:
        mode = os.stat(real).st_mode  # noqa: PTH116
    except OSError as error:
        return f"{error.strerror or error}".lower()
    if stat.S_ISDIR(mode):
        return next((f"it holds `{name}`" for name in _names(real) if name in _SECRETS), "")
    return "" if stat.S_ISREG(mode) else "it is neither a file nor a folder"


def _names(folder: str) -> Iterator[str]:
    """Names in a folder, level by level, as far as a start has time for."""
    left, level = _LOOK_AT, [folder]
    for _ in range(_LEVELS):
        below: list[str] = []
        for place in level:
            try:
                entries = os.scandir(place)
            except OSError:
                continue
            with entries:
                for entry in entries:
                    yield entry.name
                    left -= 1
                    if left <= 0:
                        return
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
        level = below
