"""What the core has read of checkouts, kept until a file changes: a form asks with every key."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

from nanochat_host.checkout.hook.package import package
from nanochat_host.checkout.model import Checkout
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.planner.architecture import (
    Architecture,
    Rules,
    read_architecture,
    read_rules,
)
from nanochat_host.core.planner.inputs import Checkout as PlannedCheckout
from nanochat_host.core.wire import CheckoutRef

MAX_SOURCE_BYTES = 4 * 2**20


class Source(NamedTuple):
    """A checkout as it was read, with what the planner needs of it."""

    ref: CheckoutRef
    found: Checkout
    planned: PlannedCheckout


class Sources:
    """Reads a checkout once for each state of its files. Safe in several threads."""

    def __init__(self, checkouts: Checkouts) -> None:
        self._checkouts = checkouts
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[object, Source]] = {}

    def read(self, name: str) -> Source:
        """Raises NotFoundError, or UsageError when it is no checkout."""
        ref = self._checkouts.ref(name)
        state = (_state(Path(ref.path)), self._checkouts.declaring.now())
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept[0] == (ref, state):
                return kept[1]
        seen, found = self._checkouts.read(name)
        source = Source(seen, found, _planned(Path(ref.path)))
        with self._lock:
            self._kept[name] = ((ref, state), source)
        return source


def _state(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every script and recipe: what changes when somebody edits one."""
    scripts = ("*.py", "scripts/*.py", "scripts/*/*.py", "src/*/*.py", "src/*/*/*.py")
    kinds = (*scripts, "*.sh", "[!.]*/*.sh")
    files = [file for kind in kinds for file in sorted(path.glob(kind))]
    files += [package(path) / "gpt.py", package(path) / "dataset.py"]
    state = []
    for file in files:
        try:
            about = file.stat()
        except OSError:
            continue
        state.append((str(file), about.st_mtime_ns, about.st_size))
    return tuple(state)


def _planned(path: Path) -> PlannedCheckout:
    try:
        arch = read_architecture(_text(package(path) / "gpt.py"))
        return PlannedCheckout(arch, read_rules(_text(path / "scripts" / "base_train.py")))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return PlannedCheckout(Architecture(), Rules(), readable=False)


def _text(file: Path) -> str:
    with file.open("rb") as source:
        return source.read(MAX_SOURCE_BYTES).decode("utf-8-sig")
