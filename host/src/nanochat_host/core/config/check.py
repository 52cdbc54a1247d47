"""Whether a value will do for an option, and if not, the nearest one that would."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from nanochat_host.checkout.model import Option
from nanochat_host.core import options as opts
from nanochat_host.core.config.limits import limits_for
from nanochat_host.core.wire_config import FieldProblem
from nanochat_host.errors import UsageError

_NUMBER = re.compile(r"[-+]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_SUFFIX = {"k": 2**10, "m": 2**20, "g": 2**30}
_OF_TYPE = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def check(option: Option, value: Any) -> tuple[Any, FieldProblem | None]:
    """The value in the option's type, and what is wrong with it, if anything is. The script's own
    default is always good: some lie outside their own choices."""
    if value == option.default and type(value) is type(option.default):
        return value, None
    try:
        typed = opts.fit(option, value)
    except UsageError as error:
        near = _nearest_typed(option, value)
        if option.choices and option.said:
            known = ", ".join(map(str, option.choices))
            said = f"is one of {known} (pack {option.said.pack})"
            return value, _problem(option, said, value, near)
        said = error.message if option.choices else f"takes {_OF_TYPE.get(option.type, 'text')}"
        return value, _problem(option, said, value, near)
    message, near = _out_of_range(option, typed)
    return typed, _problem(option, message, typed, near) if message else None


def unknown(name: str, known: Mapping[str, Option], where: str = "") -> FieldProblem:
    """The problem of a name no option has."""
    hint = opts.nearest(name, known)
    suggestion = hint.removeprefix("did you mean `").removesuffix("`?") if "mean" in hint else ""
    return FieldProblem(name, "is no option of this stage", where=where, suggestion=suggestion)


def say(problem: FieldProblem) -> str:
    """The problem in one line."""
    line = f"`{problem.name}` {problem.message}"
    if problem.value is not None and problem.value != "":
        line += f" (not {problem.value!r})"
    if problem.suggestion:
        line += f"; did you mean `{problem.suggestion}`?"
    if problem.nearest is not None:
        line += f"; nearest: {problem.nearest}"
    return f"{problem.where}: {line}" if problem.where else line


def _problem(option: Option, message: str, value: Any, near: Any) -> FieldProblem:
    return FieldProblem(option.name, message, value, near)


def _nearest_typed(option: Option, value: Any) -> Any:
    if option.choices:
        hint = opts.nearest(str(value), map(str, option.choices))
        word = hint.removeprefix("did you mean `").removesuffix("`?") if "mean" in hint else ""
        return next((c for c in option.choices if str(c) == word), option.choices[0])
    if option.type == "bool":
        return str(value).strip().lower() in ("t", "y", "1", "yes", "on", "true", "1.0")
    if option.type in ("int", "float"):
        number = _number(value)
        if number is None:
            return option.default
        return round(number) if option.type == "int" else number
    return str(value)


def _number(value: Any) -> float | None:
    """A number a person may have meant: "524,288", "512k", "12 layers", 12.4."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if opts.is_finite(value) else None
    match = _NUMBER.match(str(value).strip())
    if match is None:
        return None
    number = float(match[0].replace(",", "").replace("_", ""))
    rest = str(value).strip()[match.end() :].strip().lower()
    return number * _SUFFIX.get(rest, 1) if math.isfinite(number) else None


def _out_of_range(option: Option, value: Any) -> tuple[str, Any]:
    """What is wrong with a well-typed value ("" if nothing is), and the nearest good one."""
    if option.name == "window_pattern" and isinstance(value, str):
        return _window_pattern(option, value)
    if value == option.default or not isinstance(value, (int, float)) or isinstance(value, bool):
        return "", None
    limits = limits_for(option)
    if not opts.is_finite(value):
        return "must be finite", option.default
    if limits.off is not None and value == limits.off:
        return "", None
    off = f", or {limits.off} for off" if limits.off is not None else ""
    if limits.lo is not None and value < limits.lo:
        return f"is at least {limits.lo:g}{off}", type(value)(limits.lo)
    if limits.hi is not None and value > limits.hi:
        return f"is at most {limits.hi:g}{off}", type(value)(limits.hi)
    return "", None


def _window_pattern(option: Option, value: str) -> tuple[str, Any]:
    if value and set(value.upper()) <= {"S", "L"}:
        return "", None
    kept = "".join(letter for letter in value.upper() if letter in "SL")
    return "is made of S (short) and L (long)", kept or option.default
