"""Would this checkout load these weights? Reads one JSON object on stdin, answers with one.

in: {"config": model_config, "tensors": {name: shape}}
out: {"missing": [name], "unexpected": [name], "shapes": [[name, file, model]], "patched": [name],
"config": error, "vocab_size": n, "digest": text}
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any, TextIO

from . import LIBRARY
from .build import NoModelError, build, from_manager, torch

SHOWN = 50


def main(answers: TextIO) -> int:
    """Answer once."""
    question = json.load(sys.stdin)
    try:
        answer = compare(question["config"], question["tensors"])
    except NoModelError as error:
        answer = {"config": str(error)}
    answer.update(tokenizer())
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 0


def compare(config: dict[str, Any], tensors: dict[str, list[int]]) -> dict[str, Any]:
    """The file's names and shapes against the model's, after the checkout's own patches."""
    library = torch()
    model, config = build(config)
    mine = {name: list(weight.shape) for name, weight in model.state_dict().items()}
    with library.device("meta"):
        data = {name: library.empty(shape) for name, shape in tensors.items()}
    patch = from_manager("_patch_missing_keys")
    if patch is not None:
        with contextlib.suppress(Exception):
            patch(data, getattr(model, "config", SimpleNamespace(**config)))
    there = {name: list(weight.shape) for name, weight in data.items()}
    wrong = [[name, there[name], shape] for name, shape in mine.items() if name in there]
    return {
        "missing": sorted(mine.keys() - there.keys())[:SHOWN],
        "unexpected": sorted(there.keys() - mine.keys())[:SHOWN],
        "shapes": [row for row in wrong if row[1] != row[2]][:SHOWN],
        "patched": sorted(there.keys() - tensors.keys())[:SHOWN],
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
