"""Keeps secrets out of whatever leaves a process: logs, crash dumps, reports, error lines.

Three nets: the exact values of environment variables whose names look like secrets, those of
tokens this process was handed, and the shapes of well-known tokens. A value is replaced by its name
or kind, so that a reader can still see that something was there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

SECRET_NAME = re.compile(
    r"(KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE|SESSION_ID)", re.IGNORECASE
)
_HARMLESS = frozenset({"SSH_AUTH_SOCK", "XAUTHORITY"})
MIN_CHARS = 8
"""Shorter values are left: replacing "1" everywhere would hide everything."""
_registered: dict[str, str] = {}
_SHAPES = [
    (re.compile(r"\bhf_[A-Za-z0-9]{16,}"), "<hf-token>"),
    (re.compile(r"\b(?:ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{16,}"), "<github-token>"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), "<api-key>"),
    (re.compile(r"\bwandb_v\d_[A-Za-z0-9_]{16,}"), "<wandb-key>"),
    (re.compile(r"\bAKIA[0-9A-Z]{16}\b"), "<aws-key>"),
    # W&B's classic keys are 40 hex digits; so are git commits, hence only after a telling word.
    (re.compile(r"(?i)((?:api|wandb)[_ -]?(?:key|login)\W{1,4})[0-9a-f]{40}\b"), r"\1<wandb-key>"),
    (
        re.compile(r"(?i)((?:password|token|secret|api[_-]?key)\s*[=:]\s*)[^\s,;'\"&]{6,}"),
        r"\1<hidden>",
    ),
    (re.compile(r"(://[^/\s:@]+:)[^@\s/]+@"), r"\1<hidden>@"),
]


def is_secret_name(name: str) -> bool:
    """Whether a variable of that name holds a secret, as far as its name tells."""
    return bool(SECRET_NAME.search(name)) and name not in _HARMLESS


def register(value: str, name: str) -> None:
    """Replace `value` by `<name>` from now on, in this process."""
    if len(value) >= MIN_CHARS:
        _registered[value] = name


def secret_values(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Values to hide, to their names: registered ones, and those of variables that look secret."""
    env = os.environ if environ is None else environ
    named = {v: name for name, v in env.items() if is_secret_name(name) and len(v) >= MIN_CHARS}
    return named | _registered


def scrub(text: str, environ: Mapping[str, str] | None = None) -> str:
    """`text` with every secret replaced by a placeholder."""
    for value, name in secret_values(environ).items():
        if value in text:
            text = text.replace(value, f"<{name}>")
    for shape, placeholder in _SHAPES:
        text = shape.sub(placeholder, text)
    return text
