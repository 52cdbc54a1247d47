"""Tokens in files that people have already: read, never run.

A `.mc_env` or `.env` is a shell script to those who source it. Here it is text: assignments of
plain words are taken, whatever would need a shell to know its value is left out.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from nanochat_host.core.secrets.kinds import BY_ENV, KINDS, Hidden, Kind, checked
from nanochat_host.errors import NanochatCliError, UsageError
from nanochat_host.paths import open_file

MAX_BYTES = 256 * 1024
GIT_S = 5.0
_ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)=
    (?:'(?P<single>[^'\n]*)'|"(?P<double>[^"\n\\`$]*)"|(?P<bare>[^\s'"\\`$;&|<>()#]*))
    [ \t]*(?:\#.*)?$""",
    re.VERBOSE,
)
_NETRC = {"api.wandb.ai": "wandb", "huggingface.co": "hf"}


class Found(NamedTuple):
    """A token in a file or a variable. warning: what the person should know about that place."""

    kind: Kind
    token: Hidden
    origin: str
    warning: str = ""


def env_assignments(text: str) -> dict[str, str]:
    """Plain assignments in a shell file; the last one of a name counts."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        if match := _ASSIGNMENT.match(line):
            values = (match[part] for part in ("single", "double", "bare"))
            out[match["name"]] = next((v for v in values if v is not None), "")
    return out


def netrc_tokens(text: str) -> dict[str, str]:
    """Passwords by machine. Unlike the standard library's reader, an error never quotes the file,
    and one bad entry does not hide the others."""
    words = iter(re.sub(r"(?m)^\s*#.*$", "", text).split())
    out: dict[str, str] = {}
    machine = ""
    for word in words:
        if word == "machine":
            machine = next(words, "")
        elif word == "default":
            machine = ""
        elif word in ("login", "account"):
            next(words, "")
        elif word == "password":
            password = next(words, "")
            if machine:
                out[machine] = password
    return out


def tokens_in_environment(environ: Mapping[str, str]) -> list[Found]:
    """Tokens in variables."""
    return _take(environ, lambda name: f"environment ({name})", "")


def tokens_in_file(path: Path) -> list[Found]:
    """Tokens in a `.mc_env`, `.env`, `.netrc`, or a file that holds one token only. Raises
    UsageError if the file cannot be read; nothing of it is in the message."""
    try:
        with open_file(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES} bytes", "that is no file of tokens")
    text = raw.decode("utf-8", "replace")
    warning = _exposure(path)
    if path.name.lstrip("._") == "netrc":
        named = {
            KINDS[_NETRC[host]].env: password
            for host, password in netrc_tokens(text).items()
            if host in _NETRC
        }
        return _take(named, lambda _: str(path), warning)
    if path.name == "token" and "huggingface" in str(path):
        return _take({KINDS["hf"].env: text}, lambda _: str(path), warning)
    return _take(env_assignments(text), lambda name: f"{path} ({name})", warning)


def usual_places(home: Path, checkouts: list[Path]) -> list[Path]:
    """Files that may hold tokens, those that exist."""
    places = [
        home / ".netrc",
        home / "_netrc",
        home / ".cache" / "huggingface" / "token",
        *(folder / name for folder in checkouts for name in (".mc_env", ".env")),
    ]
    return [place for place in places if place.is_file()]


def _take(values: Mapping[str, str], origin: Callable[[str], str], warning: str) -> list[Found]:
    out: dict[str, Found] = {}
    for name, value in values.items():
        kind = BY_ENV.get(name)
        if kind is None or not value.strip() or (kind.name in out and name != kind.env):
            continue
        try:
            token = checked(kind, value)
        except NanochatCliError:
            continue  # a placeholder such as "..." or "xxx"
        out[kind.name] = Found(kind, token, origin(name), warning)
    return list(out.values())


def _exposure(path: Path) -> str:
    """What is wrong with keeping a token there."""
    try:
        tracked = subprocess.run(
            ["git", "-C", str(path.parent), "ls-files", "--error-unmatch", "--", path.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_S,
        )
        if tracked.returncode == 0:
            return f"git tracks {path}: whoever has the repository has the token; renew it"
    except (OSError, subprocess.SubprocessError):
        pass
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return ""
    return f"{path} is readable by other users (mode {mode:04o})" if mode & 0o044 else ""
