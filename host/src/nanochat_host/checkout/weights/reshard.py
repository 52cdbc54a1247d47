"""An optimizer's state for another number of ranks. One JSON object on stdin, one on stdout.

in: {"config": model_config, "shards": [path], "ranks": n, "out": [path]}
out: {"old": n} or {"error": text}

nanochat splits AdamW's moments of large weights along their first axis, and stacks the weights of a
Muon group, pads them with zeros to a multiple of the ranks and splits the stack. An optimizer whose
groups carry no `kind` is whole on every rank.
"""

from __future__ import annotations

import copy
import json
import math
import sys
from typing import Any, TextIO

from .build import NoModelError, build, one_line, torch

SHARDED_FROM = 1024
"""Weights with fewer elements are kept whole on every rank."""


def main(answers: TextIO) -> int:
    """Answer once; on an error nothing was written."""
    asked = json.load(sys.stdin)
    answer: dict[str, Any]
    try:
        answer = {"old": reshard(asked["config"], asked["shards"], asked["ranks"], asked["out"])}
    except (Exception, SystemExit) as error:
        answer = {"error": one_line(error)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 0


def reshard(config: dict[str, Any], shards: list[str], ranks: int, out: list[str]) -> int:
    """Read the shards, write as many as `ranks`. Returns how many there were."""
    library = torch()
    old = [library.load(path, map_location="cpu", weights_only=True) for path in shards]
    if not isinstance(old[0], dict) or "param_groups" not in old[0]:
        raise NoModelError("its optimizer is of a format from before 2026-01-29, not convertible")
    for path, state in zip(out, convert(library, config, old, ranks), strict=True):
        library.save(state, path)
    return len(old)


def convert(library: Any, config: dict[str, Any], old: list[Any], ranks: int) -> list[Any]:
    """The states of `ranks` ranks from those of all old ones."""
    groups = old[0]["param_groups"]
    if not any("kind" in group for group in groups):
        return [old[0]] * ranks
    made = [copy.deepcopy({**old[0], "state": {}}) for _ in range(ranks)]
    for group, shapes in zip(groups, group_shapes(config), strict=True):
        if len(group["params"]) != len(shapes):
            raise NoModelError("its optimizer groups are not those of this checkout")
        if group["kind"] == "muon":
            _stacked(library, old, made, group["params"], shapes)
        else:
            for number, shape in zip(group["params"], shapes, strict=True):
                _moments(library, old, made, number, shape)
    return made


def group_shapes(config: dict[str, Any]) -> list[list[tuple[int, ...]]]:
    """Shapes of the weights of each optimizer group, as the checkout makes them."""
    model, _ = build(config)
    optimizer = model.setup_optimizer()
    return [[tuple(p.shape) for p in group["params"]] for group in optimizer.param_groups]


def _moments(
    library: Any, old: list[Any], made: list[Any], number: int, shape: tuple[int, ...]
) -> None:
    small = math.prod(shape) < SHARDED_FROM
    for rank, state in enumerate(made):
        state["state"][number] = {}
        for key, value in old[0]["state"].get(number, {}).items():
            if not _is_moment(key, value):
                state["state"][number][key] = value
                continue
            parts = [shard["state"][number][key] for shard in old]
            whole = value if small or len(old) == 1 else library.cat(parts)
            if tuple(whole.shape) != shape:
                raise NoModelError(f"a moment is {tuple(whole.shape)}, its weight {shape}")
            if small or len(made) == 1:
                state["state"][number][key] = whole.clone()
                continue
            if shape[0] % len(made):
                raise NoModelError(f"{shape[0]} rows cannot be split over {len(made)} ranks")
            state["state"][number][key] = whole.chunk(len(made))[rank].clone()


def _stacked(
    library: Any, old: list[Any], made: list[Any], numbers: list[int], shapes: list[Any]
) -> None:
    number, many = numbers[0], len(numbers)
    chunk = -(-many // len(made))
    for rank, state in enumerate(made):
        state["state"][number] = {}
        for key, value in old[0]["state"].get(number, {}).items():
            if not _is_moment(key, value):
                state["state"][number][key] = value
                continue
            parts = [shard["state"].get(number, {}).get(key) for shard in old]
            whole = library.cat([part for part in parts if part is not None])[:many]
            if len(whole) != many or (key == "momentum_buffer" and whole.shape[1:] != shapes[0]):
                raise NoModelError(f"{key} is {tuple(whole.shape)} for {many} weights {shapes[0]}")
            padding = whole.new_zeros(chunk * len(made) - many, *whole.shape[1:])
            padded = library.cat([whole, padding])
            state["state"][number][key] = padded[rank * chunk : (rank + 1) * chunk].clone()


def _is_moment(key: str, value: Any) -> bool:
    return hasattr(value, "dim") and value.dim() > 0 and key != "step"
