"""A folder of cases: `cases.toml` and one module for each."""

from __future__ import annotations

import platform
import tomllib
from pathlib import Path

import msgspec

KINDS = (
    *("attempt", "payload", "raw", "hang", "crash", "benign", "logflood", "env", "pack"),
    *("crashloop", "ask"),
)


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One case. control: "escapes" when it must get through without walls, else why it cannot.
    frames: how many to ask for. accept_first: of a raw case, the first frame may be good. hazard:
    which harm a payload may do. needs: a machine it is written for. grants: permissions the person
    gave its panel, with names of the ctx in braces.

    Kind "ask" has `asks(ctx)`, the questions of its first frame as they go on the wire, and
    `attempt(ctx)` for the later ones, with `ctx["answers"]`.
    """

    id: str
    group: str
    kind: str
    file: str
    tries: str
    must_hold: str
    control: str
    frames: int = 1
    accept_first: bool = False
    hazard: str = "escape"
    needs: str = ""
    creep: str = ""
    grants: list[str] = []

    @property
    def can_fail(self) -> bool:
        """It must get through where there are no walls."""
        return self.control == "escapes"

    @property
    def fits(self) -> bool:
        """This machine is one it is written for."""
        return self.needs in ("", platform.machine())


def read_cases(folder: Path, only: str = "") -> list[Case]:
    """Those in cases.toml, in its order. only: part of an id, or a group. Raises what reading or
    decoding raises."""
    listed = tomllib.loads((folder / "cases.toml").read_text())
    cases = msgspec.convert(listed["case"], list[Case])
    for case in cases:
        if case.kind not in KINDS:
            raise ValueError(f"{case.id}: unknown kind {case.kind!r}")
    return [case for case in cases if only in case.id or only == case.group]
