"""A good body for each operation that takes one, and how to spoil it."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

Steps: TypeAlias = tuple[str | int, ...]
NUMBERS: list[Any] = [-1, 2**64, 10**400, 1e308, 1.5]
OTHERS: list[Any] = ["", True, None, [], {}, [[[[]]]] * 50]


def hostile_texts(folder: Path) -> list[str]:
    """Texts nobody types. Some name files below `folder` that never answer or never end."""
    pipe, zeros, loop = folder / "pipe", folder / "zeros", folder / "loop"
    os.mkfifo(pipe)
    with zeros.open("wb") as file:
        file.truncate(2**34)
    loop.symlink_to(loop)
    paths = ["/dev/zero", *map(str, (folder, pipe, zeros, loop)), "~nosuchuser/x", "../../x"]
    return ["", "\0", "/\0", "/" + "x" * 3000, "a\nb", "\x1b]0;x\x07\u202e", "$x[[*", "-rf", *paths]


def good_bodies(folder: Path, run_id: str) -> dict[str, Any]:
    """By `METHOD path`. Sent as they are they start nothing and reach nobody."""
    log = folder / "some.log"
    log.write_text("step 00000/00002 (0.00%) | loss: 4.0 | dt: 1.00ms\n")
    config = {"checkout": "fake", "stage": "base_train", "prefab": "", "options": {"depth": "4"}}
    config |= {"gpu": "", "usd_per_gpu_hour": 0.0, "nproc": 1}
    target = {key: config[key] for key in config if key != "stage"} | {"target": "demo"}
    start = {"checkout": "quick", "target": "base_train", "options": {"depth": 4}, "name": "n"}
    start |= {"cost_per_hour": 1.0, "env": {"A": "b"}, "prefab": "", "gpus": "", "nproc": 1}
    start |= {"continues": "no-such-run", "force": False}
    rule = {"id": "a", "options": ["d*"], "title": "t", "help": "h"}
    which = {"checkout": "fake", "checkpoint": "base/d4"}
    say = {"temperature": 1.0, "top_k": 3, "max_tokens": 3, "seed": 1}
    note = {"ask": "store:put", "key": "k", "value": b"v"}
    needs = {"metrics": [{"name": "train/loss"}], "log": {"lines": 5}}
    panel = {"needs": needs, "since": 0, "granted": ["metrics:read", "log:read"]}
    return {
        "POST /v1/debug": {"on": False},
        "POST /v1/checkouts": {"path": "/nosuch", "name": "x", "python": "/p", "base_dir": "/b"},
        "POST /v1/runs": start,
        f"POST /v1/runs/{run_id}/control": {"cmd": "set", "name": "d", "value": 1, "at_step": 5},
        f"POST /v1/runs/{run_id}/stop": {"mode": "kill", "grace_s": 1.0},
        "POST /v1/query": {"run": run_id, "items": [panel]},
        "POST /v1/compare": {"runs": [run_id], "metric": "train/loss", "columns": 30, "start": 0.0},
        "POST /v1/config/schema": {"checkout": "fake", "search": "a", "categories": [rule]},
        "POST /v1/config/show": config,
        "POST /v1/config/plan": config,
        "POST /v1/config/diff": {"config": config, "against": "defaults"},
        "POST /v1/config/target": target,
        "POST /v1/prefabs": {"name": "$x", "checkout": "fake", "options": {"depth": 3}},
        "POST /v1/checkpoints/check": {**which, "nproc": 1},
        "POST /v1/checkpoints/delete": {"checkout": "fake", "checkpoints": ["base/d4"]},
        "POST /v1/checkpoints/reshard": {**which, "nproc": 2},
        "POST /v1/checkpoints/form": which,
        "POST /v1/chats": {"checkout": "fake", "checkpoints": ["base/d4"], "device": "cpu"},
        "POST /v1/chats/abc/say": {"prompt": "x", "settings": say},
        "POST /v1/prompts": {"presets": [{"title": "a", "prompt": "b"}]},
        "POST /v1/accounts": {"account": "hf", "token": "x" * 40, "check": False, "origin": "o"},
        "POST /v1/accounts/import": {"files": [str(log)], "folders": ["/f"], "environ": {"A": "b"}},
        "POST /v1/adopt": {"log": "/nosuch", "name": "n", "pid": 0, "wandb": "", "wandb_dir": ""},
        "POST /v1/replays": {"files": ["/nosuch"], "speed": 1.0, "name": "n", "only": ["a=b"]},
        "POST /v1/alerts": {"changes": {"spike": 1.0, "off": ["x"], "packs": "x"}},
        "POST /v1/packs/some/ask": {"ask": note, "granted": ["store:kv"]},
        "POST /v1/queue": {"start": start, "even_after_failure": False, "beside": False},
        "POST /v1/queue/pause": {"paused": True},
        "POST /v1/queue/q1/move": {"to": 1},
        "POST /v1/checkouts/quick/env": {"python": sys.executable + ".nosuch"},
        "POST /v1/checkouts/quick/env/plan": {"torch": "", "pip": True},
        "POST /v1/checkouts/nosuch/env/make": {"torch": "", "pip": False},
    }


def spoiled(body: Any, texts: list[str]) -> Iterator[Any]:
    """The body with one value in it replaced: texts by worse ones, the rest by what they are not
    and by numbers no machine holds."""
    for steps, value in _values(body, ()):
        for bad in [*texts, 1, []] if isinstance(value, str) else [*NUMBERS, *OTHERS]:
            changed = copy.deepcopy(body)
            at = changed
            for step in steps[:-1]:
                at = at[step]
            at[steps[-1]] = bad
            yield changed


def _values(body: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    """The values in a body, those that hold others as well, and how to get there."""
    if steps:
        yield steps, body
    if isinstance(body, dict | list):
        for step, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from _values(value, (*steps, step))
