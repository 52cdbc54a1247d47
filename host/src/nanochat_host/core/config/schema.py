"""A stage's options as a form shows them: typed, grouped, with units and limits."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_host.checkout.model import Checkout, Option, Stage
from nanochat_host.core.config.categories import categories, place
from nanochat_host.core.config.limits import limits_for
from nanochat_host.core.options import nearest
from nanochat_host.core.wire_config import CategoryRule, ConfigSchema, FieldInfo, SchemaWish
from nanochat_host.errors import NotFoundError, UsageError


def stage_of(found: Checkout, name: str) -> Stage:
    """The stage of this name or module. Raises NotFoundError, or UsageError if it is broken."""
    for stage in found.stages:
        if name in (stage.name, stage.module):
            if stage.error:
                raise UsageError(f"{stage.path}: {stage.error}", "repair the script")
            return stage
    raise NotFoundError(
        f"{found.path} has no stage `{name}`", nearest(name, (s.name for s in found.stages))
    )


def schema(wish: SchemaWish, found: Checkout, read_s: float = 0.0) -> ConfigSchema:
    """The fields of a stage that match the search, by category, in the order of the source.
    Raises as `stage_of` does."""
    stage = stage_of(found, wish.stage)
    shown = categories(wish.categories)
    order = {category.id: index for index, category in enumerate(shown)}
    fields = fields_of(stage, wish.categories)
    words = wish.search.lower().split()
    fields = [field for field in fields if all(word in _text(field) for word in words)]
    fields.sort(key=lambda field: order[field.category])
    used = {field.category for field in fields}
    return ConfigSchema(
        checkout=wish.checkout,
        stage=stage.name,
        dialect=stage.dialect,
        fields=fields,
        categories=[category for category in shown if category.id in used],
        stages=[stage.name for stage in found.stages if not stage.error],
        read_s=read_s,
    )


def fields_of(stage: Stage, extra: Sequence[CategoryRule] = ()) -> list[FieldInfo]:
    """All fields of a stage, in the order of its source."""
    return [_field(option, option.name in stage.live, extra) for option in stage.options]


def _field(option: Option, live: bool, extra: Sequence[CategoryRule]) -> FieldInfo:
    placed = place(option.name, extra)
    limits = limits_for(option)
    return FieldInfo(
        name=option.name,
        flag=option.flag,
        type=option.type,
        category=placed.category,
        unit=(option.said.unit if option.said else "") or placed.unit,
        default=option.default,
        choices=option.choices,
        help=option.help,
        line=option.line,
        required=option.required,
        live=live,
        lo=limits.lo,
        hi=limits.hi,
        off=limits.off,
    )


def _text(field: FieldInfo) -> str:
    words = (field.name, field.name.replace("_", "-"), field.help, field.category, field.unit)
    return " ".join(words).lower()
