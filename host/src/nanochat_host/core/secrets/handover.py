"""How the core comes by its environment without showing the secrets in it.

/proc/PID/environ shows for life what a process was started with. So whoever starts the core takes
the variables with secret names out and sends them through a pipe; the core keeps them in memory
and gives them to trainers only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import BinaryIO

from nanochat_host import scrub

FLAG = "NANOCHAT_CLI_HANDOVER"
MAX_BYTES = 1024 * 1024
_held: dict[str, str] = {}


def split(environ: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """An environment without its secrets, and those as what `take` reads."""
    secret = {name: value for name, value in environ.items() if scrub.is_secret_name(name)}
    plain = {name: value for name, value in environ.items() if name not in secret}
    return plain | {FLAG: "1"}, json.dumps(secret).encode()


def take(source: BinaryIO | None = None) -> None:
    """In a core just started: read what was handed over. Without a handover, nothing."""
    if os.environ.pop(FLAG, "") != "1":
        return
    try:
        given = json.loads((source or sys.stdin.buffer).read(MAX_BYTES) or b"{}")
    except (OSError, ValueError):
        return  # whoever started us died in the middle of it
    for name, value in given.items():
        _held[name] = value
        scrub.register(value, name)


def environment() -> dict[str, str]:
    """The whole environment, for a trainer."""
    return {**os.environ, **_held}
