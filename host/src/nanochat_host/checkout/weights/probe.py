"""Would this checkout load these weights? Reads one JSON object on stdin, answers with one.

in: {"use": "load" | "resume", "config": model_config, "tensors": {name: shape}, "user_config": {},
"script": path of the script that resumes, "options": {name: value}}
out: {"missing": [name], "unexpected": [name], "shapes": [[name, file, model]], "patched": [name],
"config": error, "sure": bool, "vocab_size": n, "digest": text}

sure: the checkout's own code was seen to ask for exactly this, so that what differs here would stop
it. Otherwise a fork may convert, filter or fill in what we do not see.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

from . import LIBRARY
from .build import NoModelError, build, from_manager, torch
from .loader import Asked, NotReachedError, ask_the_loader, load_into, on_meta, shapes_of
from .source import loads_untouched

SHOWN = 50


def main(answers: TextIO) -> int:
    """Answer once."""
    question = json.load(sys.stdin)
    try:
        answer = resumed(question) if question.get("use") == "resume" else loaded(question)
    except NoModelError as error:
        answer = {"config": str(error), "sure": error.sure}
    answer.update(tokenizer())
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 0


def loaded(question: dict[str, Any]) -> dict[str, Any]:
    """What the checkout's own loader asks for; where it cannot be run so far, what its model has
    against the file after the checkout's own patches."""
    library, tensors = torch(), question["tensors"]
    meta = {"model_config": dict(question["config"]), "user_config": question["user_config"]}
    try:
        return differences(ask_the_loader(library, tensors, meta), tensors, sure=True)
    except NotReachedError:
        model, config = build(question["config"])
    data = on_meta(library, tensors)
    patch = from_manager("_patch_missing_keys")
    if patch is not None:
        with contextlib.suppress(Exception):
            patch(data, getattr(model, "config", SimpleNamespace(**config)))
    manager = importlib.import_module(f"{LIBRARY}.gpt").__file__ or ""
    return taken_by(model, data, tensors, Path(manager).with_name("checkpoint_manager.py"))


def resumed(question: dict[str, Any]) -> dict[str, Any]:
    """A training script makes the model its options say and patches nothing. What the saved
    configuration has not, it takes from the options."""
    tensors = question["tensors"]
    model, _ = build({**question["options"], **question["config"]}, known_only=True)
    return taken_by(model, on_meta(torch(), tensors), tensors, Path(question["script"]))


def taken_by(
    model: Any, data: dict[str, Any], tensors: dict[str, list[int]], source: Path
) -> dict[str, Any]:
    """What the checkout's GPT has against the weights, which is sure if the source is seen to load
    just these into just that."""
    try:
        asked = load_into(
            model, data, lambda weights: model.load_state_dict(weights, strict=False, assign=True)
        )
    except NotReachedError:
        asked = Asked(shapes_of(model.state_dict()), shapes_of(data), True)
        return differences(asked, tensors, sure=False)
    return differences(asked, tensors, sure=loads_untouched(source))


def differences(asked: Asked, tensors: dict[str, list[int]], *, sure: bool) -> dict[str, Any]:
    """The file's names and shapes against the model's."""
    mine, there = asked.model, asked.weights
    wrong = [[name, there[name], shape] for name, shape in mine.items() if name in there]
    return {
        "missing": sorted(mine.keys() - there.keys())[:SHOWN] if asked.strict else [],
        "unexpected": sorted(there.keys() - mine.keys())[:SHOWN] if asked.strict else [],
        "shapes": [row for row in wrong if row[1] != row[2]][:SHOWN],
        "patched": sorted(there.keys() - tensors.keys())[:SHOWN],
        "sure": sure,
    }


def tokenizer() -> dict[str, Any]:
    """Size and, where the checkout names it, digest of the tokenizer it would use."""
    found: dict[str, Any] = {}
    with contextlib.suppress(Exception, SystemExit):
        made = importlib.import_module(f"{LIBRARY}.tokenizer").get_tokenizer()
        found["vocab_size"] = int(made.get_vocab_size())
        if hasattr(made, "digest"):
            found["digest"] = str(made.digest())
    return found
