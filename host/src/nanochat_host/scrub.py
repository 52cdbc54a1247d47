"""Keeps secrets out of whatever leaves a process: logs, crash dumps, reports, error lines.

Two nets: the exact values of environment variables whose names look like secrets, and the shapes
of well-known tokens. A value is replaced by its name or kind, so that a reader can still see that
something was there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

SECRET_NAME = re.compile(
    r"(KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE|SESSION_ID)", re.IGNORECASE
)
_HARMLESS = frozenset({"SSH_AUTH_SOCK", "XAUTHORITY"})
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


def secret_values(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Values of environment variables that look secret, to their names. Short ones are left out:
    replacing "1" everywhere would hide everything."""
    env = os.environ if environ is None else environ
    return {
        value: name
        for name, value in env.items()
        if SECRET_NAME.search(name) and name not in _HARMLESS and len(value) >= 8
    }


def scrub(text: str, environ: Mapping[str, str] | None = None) -> str:
    """`text` with every secret replaced by a placeholder."""
    for value, name in secret_values(environ).items():
        if value in text:
            text = text.replace(value, f"<{name}>")
    for shape, placeholder in _SHAPES:
        text = shape.sub(placeholder, text)
    return text
