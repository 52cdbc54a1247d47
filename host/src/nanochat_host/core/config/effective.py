"""Where each value of a configuration comes from: defaults, then prefabs, then what was set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nanochat_host.checkout.model import Option, Stage
from nanochat_host.core.config.categories import place
from nanochat_host.core.config.check import check, unknown
from nanochat_host.core.options import normalise
from nanochat_host.core.wire_config import CategoryRule, DiffRow, FieldProblem, FieldValue


class Setting(NamedTuple):
    """A value of a prefab or a recipe. where: FILE:LINE."""

    value: Any
    source: str
    where: str


NOTHING: Mapping[str, Setting] = {}


class Effective(NamedTuple):
    """values: in the order of the stage's source. problems: unknown names and unfit values."""

    values: list[FieldValue]
    problems: list[FieldProblem]

    def options(self) -> dict[str, Any]:
        """All values by name."""
        return {value.name: value.value for value in self.values}

    def changed(self) -> dict[str, Any]:
        """What a prefab or a person has given, by name."""
        return {value.name: value.value for value in self.values if value.source != "default"}


def effective(
    stage: Stage,
    prefab: Mapping[str, Setting],
    overrides: Mapping[str, Any],
    recipe: Mapping[str, Setting] = NOTHING,
) -> Effective:
    """Defaults, what a `recipe` types over them, `prefab` over that, `overrides` on top; an
    override of None takes the prefab's value out again. Whatever is wrong becomes a problem (with
    the prefab's file and line) and leaves the value below in force; what lies below an override is
    not judged, since it does not count."""
    known: dict[str, Option] = {option.name: option for option in stage.options}
    values = {name: FieldValue(name, o.default, "default", o.default) for name, o in known.items()}
    problems: list[FieldProblem] = []
    wanted = normalise(overrides)
    own = {name: setting for name, setting in prefab.items() if wanted.get(name, "") is not None}
    given = [*recipe.items(), *own.items()]
    judged = len(given)
    typed_in = {n: v for n, v in wanted.items() if v is not None and (v != "" or n in known)}
    given += [(name, Setting(value, "set", "")) for name, value in typed_in.items()]
    for at, (name, setting) in enumerate(given):
        covered = at < judged and name in wanted
        if name not in known:
            if not covered:
                problems.append(unknown(name, known, setting.where))
            continue
        default = known[name].default
        choices = known[name].choices
        # As the script has it; a default outside its own choices cannot be typed.
        if setting.value is None or (choices and setting.value == default not in choices):
            values[name].value, values[name].source = default, "default"
            continue
        typed, problem = check(known[name], setting.value)
        if problem is not None:
            problem.where = setting.where
            if not covered:
                problems.append(problem)
            continue
        values[name].value, values[name].source = typed, setting.source
    return Effective(list(values.values()), problems)


def diff(
    left: Sequence[FieldValue], right: Sequence[FieldValue], extra: Sequence[CategoryRule] = ()
) -> list[DiffRow]:
    """Values of `right` that are not those of `left`, in the order of the source. extra: rules of
    categories that packs declare."""
    base = {value.name: value.value for value in left}
    return [
        DiffRow(v.name, base.get(v.name), v.value, place(v.name, extra).category, v.source)
        for v in right
        if v.value != base.get(v.name)
    ]
