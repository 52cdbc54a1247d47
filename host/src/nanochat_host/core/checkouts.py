"""The registered checkouts, and the one we ship."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
import time
from pathlib import Path

import msgspec

import nanochat_host
from nanochat_host.checkout.dataset import dataset_place
from nanochat_host.checkout.model import Checkout
from nanochat_host.checkout.stages import read_checkout
from nanochat_host.core.declared_config import with_flags
from nanochat_host.core.options import nearest
from nanochat_host.core.wire import AddCheckout, CheckoutInfo, CheckoutRef, PipelineInfo, StageInfo
from nanochat_host.declaring import Declaring
from nanochat_host.errors import (
    CannotWriteError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from nanochat_host.paths import Paths, atomic_write, expand

logger = logging.getLogger(__name__)
BUILTIN = "tiny"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class Checkouts:
    """checkouts.json and the built-in. Methods block (they read files): call them in a thread."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self.declaring = Declaring(paths)
        self._seen: dict[str, Checkout] = {}

    def all(self) -> list[CheckoutRef]:
        """The built-in first, then as registered; commit and error as last seen."""
        return [self._with_facts(ref) for ref in self._refs()]

    def ref(self, name: str) -> CheckoutRef:
        """With its interpreter and its base folder. Raises NotFoundError that names the nearest."""
        refs = {ref.name: ref for ref in self._refs()}
        if name not in refs:
            raise NotFoundError(
                f"there is no checkout `{name}`",
                nearest(name, refs) or "`nanochat-cli checkout list` shows them",
            )
        ref = refs[name]
        python = self._interpreter(ref)
        return msgspec.structs.replace(ref, python=python, base_dir=base_dir(ref))

    def read(self, name: str) -> tuple[CheckoutRef, Checkout]:
        """Read the checkout's source. Raises NotFoundError, or UsageError when it is none."""
        ref = self.ref(name)
        found = with_flags(read_checkout(Path(ref.path)), self.declaring.packs())
        self._seen[name] = found
        return self._with_facts(ref), found

    def info(self, name: str) -> CheckoutInfo:
        """Everything the source tells. Raises as `read` does."""
        began = time.perf_counter()
        ref, found = self.read(name)
        return CheckoutInfo(
            ref=ref,
            stages=msgspec.convert(found.stages, list[StageInfo], from_attributes=True),
            pipelines=msgspec.convert(found.pipelines, list[PipelineInfo], from_attributes=True),
            read_s=time.perf_counter() - began,
        )

    def add(self, wanted: AddCheckout) -> CheckoutRef:
        """Register a checkout. Raises UsageError or RefusedError."""
        path = expand(wanted.path)
        if not path.is_absolute():
            raise UsageError(f"`{wanted.path}` is not an absolute path")
        path = Path(os.path.realpath(path))
        found = read_checkout(path)
        if all(stage.error for stage in found.stages):
            first = found.stages[0]
            raise UsageError(
                f"no script of {path} can be read: {first.path}: {first.error}",
                "repair it, or check out another commit, then try again",
            )
        name = wanted.name or re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).strip("-.")
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"`{name}` is no name for a checkout", "letters, digits, `.`, `_`, `-`"
            )
        if any(ref.name == name for ref in self._refs()):
            raise RefusedError(f"there is a checkout `{name}` already", "give it another name")
        if wanted.python and not os.access(expand(wanted.python), os.X_OK):
            raise UsageError(f"`{wanted.python}` cannot be executed", "give a Python interpreter")
        ref = CheckoutRef(name=name, path=str(path), python=wanted.python, base_dir=wanted.base_dir)
        self._write([*self._registered(), ref])
        self._seen[name] = found
        return self._with_facts(ref)

    def remove(self, name: str) -> CheckoutRef:
        """Forget a checkout; its folder stays as it is. Raises NotFoundError or RefusedError."""
        ref = self.ref(name)
        if ref.builtin:
            raise RefusedError(f"`{name}` is the built-in checkout", "it cannot be removed")
        self._write([other for other in self._registered() if other.name != name])
        self._seen.pop(name, None)
        return ref

    def _refs(self) -> list[CheckoutRef]:
        builtin = builtin_path()
        first = []
        if builtin is not None:
            base = str(self._paths.demo_base)
            first = [CheckoutRef(BUILTIN, str(builtin), builtin=True, base_dir=base)]
        return [*first, *self._registered()]

    def _with_facts(self, ref: CheckoutRef) -> CheckoutRef:
        seen = self._seen.get(ref.name)
        error = "" if Path(ref.path).is_dir() else f"{ref.path} is gone"
        return msgspec.structs.replace(
            ref,
            python=self._interpreter(ref),
            base_dir=base_dir(ref),
            commit=seen.commit if seen else "",
            dirty=seen.dirty if seen else False,
            error=error or (seen.error if seen else ""),
            lacks=[] if error else _lacks(ref, self._interpreter(ref)),
        )

    def use_python(self, name: str, python: str) -> None:
        """Have its scripts run with that interpreter; "" for the one that is found. Raises
        NotFoundError, or RefusedError for the built-in."""
        ref = self.ref(name)
        if ref.builtin:
            raise RefusedError(
                f"`{name}` runs with nanochat-cli's own Python",
                "register a copy of its folder to choose another",
            )
        change = msgspec.structs.replace
        refs = [change(r, python=python) if r.name == name else r for r in self._registered()]
        self._write(refs)

    def registered_python(self, name: str) -> str:
        """The interpreter a person chose for it, "" if none."""
        chosen = next((r.python for r in self._registered() if r.name == name), "")
        return str(expand(chosen)) if chosen else ""

    def own_interpreter(self, ref: CheckoutRef) -> str:
        """That of the environment made for it, whether it is there or not: `.venv` in its folder,
        or below our home."""
        made = self._paths.environments / ref.name / "bin" / "python"
        own = Path(ref.path) / ".venv" / "bin" / "python"
        return str(made if made.exists() and not own.exists() else own)

    def _interpreter(self, ref: CheckoutRef) -> str:
        """The Python its scripts run with: the one given, its own environment's, else ours."""
        if ref.python:
            return str(expand(ref.python))
        own = self.own_interpreter(ref)
        return own if os.access(own, os.X_OK) else sys.executable

    def _registered(self) -> list[CheckoutRef]:
        file = self._paths.checkouts_json
        try:
            return msgspec.json.decode(file.read_bytes(), type=list[CheckoutRef])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: {error}", "repair it, or move it away") from None

    def _write(self, refs: list[CheckoutRef]) -> None:
        file = self._paths.checkouts_json
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(file, msgspec.json.format(msgspec.json.encode(refs)))
        except OSError as error:
            raise CannotWriteError(file, error) from None


def builtin_path() -> Path | None:
    """The checkout we ship: in the source tree, else in the installed data."""
    candidates = [Path(nanochat_host.__file__).parents[3] / "tiny_nanochat"]
    spec = importlib.util.find_spec("nanochat_cli_data")
    if spec is not None and spec.submodule_search_locations:
        candidates += [Path(p) / "tiny_nanochat" for p in spec.submodule_search_locations]
    return next((path for path in candidates if (path / "scripts").is_dir()), None)


def _lacks(ref: CheckoutRef, python: str) -> list[str]:
    """From a few names of files; `checkout setup` looks closer."""
    base, place = Path(base_dir(ref)), dataset_place(Path(ref.path))
    has_text = place is None or any((base / place.folder).glob(f"*{place.suffix}"))
    has_tokenizer = any((base / "tokenizer").glob("tokenizer.*"))
    own = ref.builtin or python != sys.executable or bool(ref.python)
    found = {"an environment": own, "text": has_text, "a tokenizer": has_tokenizer}
    return [name for name, there in found.items() if not there]


def base_dir(ref: CheckoutRef) -> str:
    """NANOCHAT_BASE_DIR of its runs: the one given, ours, else nanochat's default."""
    chosen = ref.base_dir or os.environ.get("NANOCHAT_BASE_DIR") or "~/.cache/nanochat"
    return str(expand(chosen))
