"""Turns the loop's variables into one `metric` line, in a few tens of microseconds.

Which variables are numbers hardly ever changes from one step to the next, so the line's template is
kept for each combination of types that was seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any

from .events import json_safe
from .names import metric_names

MAX_PLANS = 64
LARGEST_EXACT_INT = 2**53
HEAD = '{"ts":%.4f,"kind":"metric","step":%d'


def number(value: Any) -> float | int | None:
    """A Python or NumPy number as a plain one; None for everything else, tensors included
    (reading one could wait for the device)."""
    kind = type(value)
    if kind is float or kind is int:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return None
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    if kind.__module__ == "numpy" and kind.__name__ != "ndarray" and hasattr(value, "item"):
        plain = value.item()
        return plain if type(plain) in (int, float) else None
    return None


class Plan:
    """How to format the values of one combination of types: first those of `variables`, then those
    of `parts`."""

    def __init__(
        self, variables: Sequence[str], parts: Sequence[str], values: Sequence[Any]
    ) -> None:
        indices = [i for i, value in enumerate(values) if number(value) is not None]
        self.names = metric_names([variables[i] for i in indices if i < len(variables)])
        self.names += parts
        self.plain = all(type(values[i]) in (int, float) for i in indices)
        self.pick = _picker(indices)
        self.template = HEAD + "".join(
            f",{json.dumps(name)}:{_format_of(name, values[i])}"
            for name, i in zip(self.names, indices, strict=True)
        )
        self.template += "}\n"


def _picker(indices: list[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """itemgetter of fewer than two indices gives no tuple."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda values: [values[i] for i in indices]


def _format_of(name: str, value: Any) -> str:
    """14 digits hold every float32 exactly and a wall-clock time to the tenth of a millisecond, at
    half the price of the 17 a float64 may need. An integer stays exact up to 2**53 and becomes a
    float beyond, which strict JSON readers accept. Our own times need four digits."""
    if name.startswith("time/"):
        return "%.4g"
    return "%.14g" if isinstance(value, float) else "%.17g"


class Rows:
    """Lines for the variables `variables` (read from the loop's scope) and the extra names
    `parts` (given with each call)."""

    def __init__(self, variables: Sequence[str], parts: Sequence[str]) -> None:
        self._variables = tuple(variables)
        self._parts = tuple(parts)
        self._plans: dict[tuple[type, ...], Plan] = {}
        self._reported = metric_names(self._variables)

    def reported(self) -> Sequence[str]:
        """Names in the last line (before it, those to be expected): what `wandb.log` need not
        repeat."""
        return self._reported

    def line(self, scope: Mapping[str, Any], ts: float, step: int, parts: Sequence[float]) -> bytes:
        values = [*map(scope.get, self._variables), *parts]
        kinds = tuple(map(type, values))
        plan = self._plans.get(kinds)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[kinds] = Plan(self._variables, self._parts, values)
        self._reported = plan.names
        picked: Sequence[Any] = plan.pick(values)
        try:
            # One NaN or infinity makes the sum one.
            if plan.plain and isfinite(sum(picked)):
                return (plan.template % (ts, step, *picked)).encode()
        except OverflowError:
            pass  # an int too large for a float
        return self._careful(plan, ts, step, picked)

    def _careful(self, plan: Plan, ts: float, step: int, picked: Sequence[Any]) -> bytes:
        row: dict[str, Any] = {"ts": round(ts, 4), "kind": "metric", "step": step}
        for name, value in zip(plan.names, picked, strict=True):
            row[name] = json_safe(number(value))
        return (json.dumps(row, allow_nan=False) + "\n").encode()
