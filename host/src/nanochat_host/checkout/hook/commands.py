"""Carries out commands that change values: `set` and `lr`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .transform import Report


class RefusedCommand(Exception):
    """Says why, in one line."""


def set_value(
    name: str, value: Any, report: Report, scope: Mapping[str, Any], variables: dict[str, Any]
) -> Any:
    """Change an option or a module variable the loop reads; returns the old value.

    scope: what the loop sees; variables: the module's own, which can be assigned. Raises
    RefusedCommand.
    """
    if name not in report.live and name not in report.settable:
        raise RefusedCommand(f"`{name}` is fixed at the start: the loop does not read it")
    args = scope.get("args")
    holders: list[tuple[Any, dict[str, Any]]] = []
    if name in variables and _is_plain(variables[name]):
        holders.append((variables[name], variables))
    if name in getattr(args, "__dict__", {}):
        holders.append((vars(args)[name], vars(args)))
    if not holders:
        raise RefusedCommand(f"`{name}` is not a number, text or switch here")
    old = holders[0][0]
    fitting = _fit(name, value, old)
    for _, holder in holders:
        holder[name] = fitting
    return old


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str)


def _fit(name: str, value: Any, old: Any) -> Any:
    """`value` as the type the script works with."""
    if not _is_plain(value) or value is None:
        raise RefusedCommand(f"`{name}` cannot become {value!r}")
    if old is None or type(value) is type(old):
        return value
    if type(old) is float and type(value) is int:
        return float(value)
    if type(old) is int and type(value) is float and value.is_integer():
        return int(value)
    raise RefusedCommand(f"`{name}` is {type(old).__name__} ({old!r}), not {value!r}")


def lr_factor(value: Any, report: Report) -> float:
    """The multiplier to use from now on. Raises RefusedCommand."""
    if not report.scales_lr:
        raise RefusedCommand("the loop computes no learning rate that could be multiplied")
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise RefusedCommand(f"a learning rate multiplier is a number from 0, not {value!r}")
    return float(value)
