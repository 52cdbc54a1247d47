"""Ask a checkout's own model whether it would load a file's weights, and remember the answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from nanochat_host.checkout.hook.package import package
from nanochat_host.core import snapshot
from nanochat_host.core.checkpoints import fit
from nanochat_host.core.checkpoints.archfields import config_fields
from nanochat_host.core.checkpoints.archive import BadArchiveError
from nanochat_host.core.checkpoints.files import Found, sets_of
from nanochat_host.core.checkpoints.inspect import model_tensors
from nanochat_host.core.inside import ask_inside
from nanochat_host.core.preflight.checkpoint import Begin
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.core.wire_checkpoints import CheckpointFinding
from nanochat_host.errors import NanochatCliError

START_PROBE_S = 45.0
"""Longest that a start waits for one answer: much less than who asked for the start waits
(`calls.ASKED_S`), as a pipeline may begin with more than one checkpoint."""
MAX_PROBES = 200
LOADER = "load_model"


class Probes:
    """Answers hold for all steps of a model until the source or the tokenizer changes. Methods
    block: seconds for a question, milliseconds for an answer that is known."""

    def __init__(self) -> None:
        self._answers: dict[Any, dict[str, Any]] = {}
        self._asking = threading.Lock()

    def knows(self, ref: CheckoutRef, question: dict[str, Any]) -> bool:
        """Whether the answer costs nothing any more."""
        return _key(ref, question) in self._answers

    def ask(self, ref: CheckoutRef, question: dict[str, Any], wait_s: float) -> dict[str, Any]:
        """The answer of `weights.probe`. Raises RefusedError or InsideError."""
        key = _key(ref, question)
        with self._asking:  # a form and its start ask the same
            if (known := self._answers.get(key)) is not None:
                return known
            answer = ask_inside(ref, "weights.probe", question, wait_s)
            if "torch cannot be imported" not in answer.get("config", ""):
                if len(self._answers) >= MAX_PROBES:
                    self._answers.clear()
                self._answers[key] = answer
            return answer

    def misfits(
        self, ref: CheckoutRef, begin: Begin, *, ask: bool
    ) -> list[CheckpointFinding] | None:
        """What of the checkpoint's weights the checkout's code has no place for, as far as it can
        be known. None: the checkout has not been asked, and `ask` is not set."""
        files = sets_of(begin.folder, begin.step)
        model = files.one("model") if files else None
        if model is None or not (package(Path(ref.path)) / "gpt.py").is_file():
            return []
        try:
            question = ask_about(ref, begin, _shapes(model))
        except (BadArchiveError, OSError):
            return []  # another finding says so
        if not ask and not self.knows(ref, question):
            return None
        try:
            answer = self.ask(ref, question, START_PROBE_S)
        except NanochatCliError as error:
            what = f"whether the checkpoint fits this checkout is not known: {error.message}"
            return [CheckpointFinding("note", "unknown", what, error.hint)]
        found = [f for f in fit.of_probe({}, answer) if f.code in fit.OF_WEIGHTS]
        if not (begin.resumes or _says(Path(ref.path) / begin.script, LOADER)):
            # This script has a way of its own to load.
            found = [msgspec.structs.replace(f, severity="warning") for f in found]
        return found


def ask_about(
    ref: CheckoutRef, begin: Begin, tensors: Mapping[str, Iterable[int]]
) -> dict[str, Any]:
    """The question of a checkpoint. A script that resumes without a loader of the checkout's makes
    its model from its options."""
    config, checkout = begin.meta.get("model_config"), Path(ref.path)
    config = config if isinstance(config, dict) else {}
    user = begin.meta.get("user_config")
    script = checkout / begin.script
    own_way = begin.resumes and not _says(script, f"{LOADER}(")
    use: Literal["load", "resume"] = "resume" if own_way else "load"
    fields = config_fields(checkout) - set(config) if own_way else set()
    return {
        "use": use,
        "config": config,
        "user_config": user if isinstance(user, dict) else {},
        "tensors": {name: list(shape) for name, shape in tensors.items()},
        "script": str(script) if own_way else "",
        "options": {k: v for k, v in begin.options.items() if k in fields and v is not None},
    }


def _key(ref: CheckoutRef, question: dict[str, Any]) -> object:
    library = package(Path(ref.path))  # a model may lie beside gpt.py, or below
    sources = sorted([*library.glob("*.py"), *library.glob("*/*.py")])
    sources += [Path(question["script"])] if question["script"] else []
    stamps = tuple((str(path), path.stat().st_mtime_ns) for path in sources if path.exists())
    tokenizer = snapshot.tokenizer_sha256(ref.base_dir)
    return ref.path, ref.python, stamps, tokenizer, json.dumps(question)


def _shapes(model: Found) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in model_tensors(model).items()}


def _says(script: Path, word: str) -> bool:
    try:
        return word in script.read_text("utf-8", "replace")
    except OSError:
        return False
