"""What must be there before a run is worth starting: said in one line now, not by a traceback in
half a minute."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nanochat_host.checkout.imports import imports_torch
from nanochat_host.checkout.model import Stage
from nanochat_host.core.preflight.environment import missing_torch
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.errors import RefusedError


def require_python(ref: CheckoutRef, stages: Sequence[Stage]) -> None:
    """Raises RefusedError when the interpreter does not run, or has no torch and one of these
    scripts imports it."""
    if not Path(ref.path).is_dir():
        raise RefusedError(f"{ref.path} is gone", f"`nanochat-cli checkout remove {ref.name}`")
    torch = any(_needs_torch(Path(ref.path) / stage.path) for stage in stages)
    hint = f"`nanochat-cli checkout env {ref.name}` shows what is there; `--make` repairs it"
    if not os.access(ref.python, os.X_OK):
        raise RefusedError(f"{ref.python} cannot be executed", hint)
    if torch and (trouble := missing_torch(ref.python)):
        raise RefusedError(trouble, hint)


def require_port(config: Mapping[str, Any]) -> None:
    """Raises RefusedError when a server (`chat_web`) could not listen where it is told to."""
    host, port = config.get("host"), config.get("port")
    if not isinstance(host, str) or not isinstance(port, int) or not 0 < port < 65536:
        return
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise RefusedError(
                f"port {port} is in use by another program", "give another: `--set port=N`"
            ) from None


def require_base(ref: CheckoutRef) -> None:
    """Raises RefusedError when nothing can be written where checkpoints go."""
    folder = Path(ref.base_dir)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and _writable(folder):
        return
    other = "set NANOCHAT_CLI_HOME to a folder of yours"
    if not ref.builtin:
        other = "register the checkout with another `--base-dir`"
    raise RefusedError(
        f"nothing can be written to {ref.base_dir}: {folder} is not writable",
        f"{other}, or make it writable",
    )


def _writable(folder: Path) -> bool:
    """root may write anywhere but to a file system that is mounted read-only."""
    try:
        return not os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError as error:
        return error.errno != errno.EROFS


def _needs_torch(script: Path) -> bool:
    try:
        return imports_torch(script.read_text("utf-8", "replace"))
    except OSError:
        return False
