"""The Python a checkout runs with: found, looked at in a process of its own, chosen."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from nanochat_host.checkout.imports import needed_packages
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.setup.asking import ask_python
from nanochat_host.core.setup.recipe import Needs, environment_steps, whole_or_gone
from nanochat_host.core.wire import CheckoutRef, RunStep
from nanochat_host.core.wire_setup import EnvInfo, MakeEnv, PythonChoice
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths, expand

Stamp = tuple[tuple[str, int], ...]


class Probed(NamedTuple):
    """stamp: of the interpreter's packages when it was asked."""

    stamp: Stamp
    facts: dict[str, Any]


class Environments:
    """What an interpreter said counts until packages are installed or removed there. Methods that
    are not async block a little: call them in a thread."""

    def __init__(self, paths: Paths, checkouts: Checkouts) -> None:
        self._paths = paths
        self._checkouts = checkouts
        self._probed: dict[tuple[str, str], Probed] = {}

    def known(self, name: str) -> EnvInfo | None:
        """What is known without asking; None if it must be asked. Raises NotFoundError."""
        ref = self._checkouts.ref(name)
        seen = self._probed.get((ref.path, ref.python))
        if seen is None or seen.stamp != _stamp(ref.python):
            return None
        return self._info(ref, seen.facts)

    async def look(self, name: str, *, anew: bool = False) -> EnvInfo:
        """Ask the interpreter. Raises NotFoundError; what is wrong with it is in the answer."""
        if not anew and (known := await asyncio.to_thread(self.known, name)) is not None:
            return known
        ref = await asyncio.to_thread(self._checkouts.ref, name)
        facts = await self._ask(ref)
        return await asyncio.to_thread(self._info, ref, facts)

    def blank(self, name: str) -> EnvInfo:
        """While it is being looked at. Raises NotFoundError."""
        ref = self._checkouts.ref(name)
        return EnvInfo(ref.name, ref.python, choices=self._choices(ref))

    async def use(self, name: str, python: str) -> EnvInfo:
        """Have the checkout run with another interpreter. Raises UsageError or RefusedError."""
        words = {"auto": "", "ours": sys.executable}
        chosen = words.get(python)
        if chosen is None:
            chosen = await asyncio.to_thread(interpreter_at, python)
        await asyncio.to_thread(self._checkouts.use_python, name, chosen)
        return await self.look(name)

    async def steps(self, name: str, wish: MakeEnv, *, gpu: bool) -> list[RunStep]:
        """Commands that make the environment, or add what it lacks. Raises NotFoundError."""
        ref = await asyncio.to_thread(self._checkouts.ref, name)
        own = await asyncio.to_thread(self._checkouts.own_interpreter, ref)
        missing = None
        if await asyncio.to_thread(os.access, own, os.X_OK):
            facts = await self._ask(msgspec.structs.replace(ref, python=own))
            missing = facts.get("missing")
        packages = await asyncio.to_thread(needed_packages, Path(ref.path))
        needs = Needs(missing, gpu, wish.torch, not wish.pip, packages)
        return await asyncio.to_thread(environment_steps, ref, self._paths.environments, needs)

    async def guarded(self, steps: list[RunStep], ref: CheckoutRef) -> list[RunStep]:
        """The steps, which leave no half-made environment behind."""
        return await asyncio.to_thread(whole_or_gone, steps, ref, self._paths.environments)

    async def _ask(self, ref: CheckoutRef) -> dict[str, Any]:
        """Ask, and remember the answer."""
        stamp = await asyncio.to_thread(_stamp, ref.python)
        facts = await ask_python(ref)
        self._probed[ref.path, ref.python] = Probed(stamp, facts)
        return facts

    def _info(self, ref: CheckoutRef, facts: dict[str, Any]) -> EnvInfo:
        info = EnvInfo(
            checkout=ref.name,
            interpreter=ref.python,
            checked=True,
            python=facts.get("python", ""),
            torch=facts.get("torch", ""),
            devices=list(facts.get("devices", [])),
            missing=list(facts.get("missing", [])),
            choices=self._choices(ref),
        )
        info.trouble = facts.get("broken") or facts.get("torch_trouble", "")
        if not info.trouble and info.missing:
            info.trouble = f"{', '.join(info.missing)} cannot be imported"
        if info.trouble:
            info.way_out = f"`nanochat-cli checkout env {ref.name} --make` installs what is missing"
        return info

    def _choices(self, ref: CheckoutRef) -> list[PythonChoice]:
        """Interpreters at hand, each once, the one in use marked."""
        found: list[PythonChoice] = []
        own = str(Path(ref.path) / ".venv" / "bin" / "python")
        made = str(self._paths.environments / ref.name / "bin" / "python")
        registered = self._checkouts.registered_python(ref.name)
        for path, kind in (
            *([(registered, "chosen")] if registered else []),
            *((own, "own"), (made, "made"), (sys.executable, "ours")),
        ):
            if os.access(path, os.X_OK) and path not in [choice.path for choice in found]:
                seen = self._probed.get((ref.path, path))
                torch = None if seen is None else str(seen.facts.get("torch", ""))
                found.append(PythonChoice(path, kind, path == ref.python, torch))  # type: ignore[arg-type]
        return found


def interpreter_at(text: str) -> str:
    """The interpreter a person means by its path, or by the folder of its environment. Raises
    UsageError."""
    path = expand(text)
    if not path.is_absolute():
        raise UsageError(f"`{text}` is not an absolute path", "or say `ours` or `auto`")
    for candidate in (path, path / "bin" / "python", path / ".venv" / "bin" / "python"):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    raise UsageError(f"there is no Python at {path}", "give an interpreter or its environment")


def _stamp(python: str) -> Stamp:
    """Changes when packages come or go: an install writes into `site-packages`."""
    root = Path(python).parent.parent
    places = [Path(python), root / "pyvenv.cfg", *sorted(root.glob("lib/python3*/site-packages"))]
    stamps = []
    for place in places:
        try:
            stamps.append((str(place), place.stat().st_mtime_ns))
        except OSError:
            stamps.append((str(place), 0))
    return tuple(stamps)
