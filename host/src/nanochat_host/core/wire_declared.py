"""What travels about the declarations of packs. Bodies are JSON."""

from __future__ import annotations

from typing import Literal

import msgspec


class DeclaredPack(msgspec.Struct):
    """GET /v1/declared: how many of each thing an enabled pack declares. problem: what of it does
    not count, and why, in one line; "" if all does."""

    id: str
    folder: str
    layouts: int = 0
    prefabs: int = 0
    categories: int = 0
    flags: int = 0
    logs: int = 0
    spans: int = 0
    metrics: int = 0
    alerts: int = 0
    problem: str = ""


class PackAlert(msgspec.Struct):
    """GET /v1/alerts/rules: an alert rule of a pack. rule: "pack:id", by which it is switched off
    and its value set. value: what counts now, default: the pack's; None where there is none."""

    rule: str
    pack: str
    condition: str
    title: str
    severity: Literal["info", "warning", "error"]
    hint: str = ""
    value: float | None = None
    default: float | None = None
    off: bool = False
