"""Wire types about getting a checkout ready: its environment, its data, what is still missing."""

from __future__ import annotations

from typing import Literal

import msgspec

from nanochat_host.core.wire import FilePath


class PythonChoice(msgspec.Struct):
    """An interpreter a checkout could run with. kind: "chosen" by the person, "own" its `.venv`,
    "made" by us, "ours" the one nanochat-cli runs in. torch: None if nobody looked yet."""

    path: str
    kind: Literal["chosen", "own", "made", "ours"]
    used: bool = False
    torch: str | None = None


class EnvInfo(msgspec.Struct):
    """GET /v1/checkouts/{name}/env. python: version, "" while it is being looked at. torch: its
    version, "" if it cannot be imported. devices: "cpu", "mps", "cuda:0 NVIDIA H100". missing:
    packages its modules import that are not there. trouble: one line; "" if it can train. way_out:
    what to do about it. plan: what `make` would run. run: the run that makes it, while it does."""

    checkout: str
    interpreter: str
    checked: bool = False
    python: str = ""
    torch: str = ""
    devices: list[str] = []
    missing: list[str] = []
    trouble: str = ""
    way_out: str = ""
    choices: list[PythonChoice] = []
    plan: list[str] = []
    run: str = ""


class UseEnv(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkouts/{name}/env. python: an interpreter, a folder of an environment, "ours", or
    "auto" to go back to what is found."""

    python: FilePath


class MakeEnv(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkouts/{name}/env/make. torch: a version to take instead of the checkout's pin.
    pip: leave uv and its lock aside."""

    torch: str = ""
    pip: bool = False


class ShardInfo(msgspec.Struct):
    """A file of the data set. trouble: why it cannot be read."""

    name: str
    size_bytes: int
    trouble: str = ""


class DataStatus(msgspec.Struct):
    """GET /v1/checkouts/{name}/data. shards: whole files, validation included. wanted: files the
    newest download was asked for, 0 if unknown. available: files there are, 0 if unknown.
    validation: the file that is validated on, "" if there is none; pinned: nanochat names it, so it
    must be that one. unfinished: being written. older: the folder of a former data set that has
    files. trouble: one line, "" if it can be trained on. run: of a download under way."""

    checkout: str
    folder: str
    shards: int = 0
    size_bytes: int = 0
    wanted: int = 0
    available: int = 0
    validation: str = ""
    pinned: bool = False
    broken: list[ShardInfo] = []
    unfinished: list[ShardInfo] = []
    older: str = ""
    trouble: str = ""
    run: str = ""
    tokenizer: TokenizerStatus | None = None


class TokenizerStatus(msgspec.Struct):
    """vocab_size: read from its files, 0 if there is none. asked: what it was trained for. run: of
    the run that trained it; evaluated: of a run that evaluated it since, both "" if unknown."""

    folder: str
    vocab_size: int = 0
    asked: int = 0
    trained_at: float = 0.0
    sha256: str = ""
    run: str = ""
    evaluated: str = ""
    trouble: str = ""


class SetupItem(msgspec.Struct):
    """A line of the checklist. state: "ready", "missing", "broken", "busy", or "later": fetched or
    made when it is first needed. said: how it stands. todo: what to do, "" for nothing. done,
    total: for a bar, in `unit`; total 0 if there is none. run: of what is under way."""

    id: Literal[
        "checkout", "environment", "device", "dataset", "tokenizer", "tasks", "base", "chat"
    ]
    title: str
    state: Literal["ready", "missing", "broken", "busy", "later"]
    said: str
    todo: str = ""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    run: str = ""


class SetupStatus(msgspec.Struct):
    """GET /v1/checkouts/{name}/setup. ready: a base model can be trained now."""

    checkout: str
    ready: bool
    items: list[SetupItem]
    env: EnvInfo
    data: DataStatus
    stages: list[str] = []
