"""What a checkout consists of. Plain data; the core turns it into wire types."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Dialect = Literal["argparse", "configurator", "none"]
Action = Literal[
    "value", "store_true", "store_false", "optional_bool", "positional", "repeated", "command"
]


@dataclass(frozen=True)
class Said:
    """What a pack says about an option. lo, hi: the range. off: a value outside that switches the
    option off."""

    pack: str
    unit: str = ""
    lo: float | None = None
    hi: float | None = None
    off: int | None = None


@dataclass(frozen=True)
class Option:
    """One option of a script. name: with underscores. flag: as typed, "" for a positional one.
    type: "int", "float", "str" or "bool". action: how it is typed: "value" `--x=V`, "store_true"
    and "store_false" a bare `--x`, "optional_bool" `--x` or `--no-x`, "repeated" `--x A B`,
    "command" the word before all options of a script that has several programs. off: another flag
    that says no. said: what a pack says of it."""

    name: str
    flag: str
    type: str
    default: Any = None
    choices: list[Any] | None = None
    help: str = ""
    line: int = 0
    required: bool = False
    action: Action = "value"
    off: str = ""
    said: Said | None = None


@dataclass(frozen=True)
class ScriptOptions:
    """help: what the script says it is for."""

    dialect: Dialect
    options: list[Option] = field(default_factory=list)
    help: str = ""


@dataclass(frozen=True)
class Stage:
    """A script that can be run. module: as in `python -m`. trains: it has a loop the hook can
    drive. live: options that may change while it runs. error: why it could not be read. env:
    variables that it needs to find its modules."""

    name: str
    module: str
    path: str
    dialect: Dialect = "none"
    options: list[Option] = field(default_factory=list)
    help: str = ""
    error: str = ""
    trains: bool = False
    live: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A command of a pipeline. nproc: processes; more than 1 run under torchrun. 0 is one for each
    GPU of the machine it will run on."""

    module: str
    argv: list[str] = field(default_factory=list)
    nproc: int = 1
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pipeline:
    """A recipe of the checkout. unread: commands of it that could not be taken over."""

    name: str
    path: str
    steps: list[Step] = field(default_factory=list)
    help: str = ""
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Checkout:
    """commit: "" outside git. dirty: tracked files differ from the commit. error: what of the
    checkout could not be read, in one line."""

    path: Path
    stages: list[Stage] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    commit: str = ""
    dirty: bool = False
    error: str = ""
