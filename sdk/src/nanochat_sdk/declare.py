"""What a pack may declare without running any code: screens, configuration, telemetry, alerts.

The tables stand in `pack.toml`, or in TOML files that its `declarations` names. See docs/packs.md,
"Declaring".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nanochat_sdk.payload import Label

Help = Annotated[str, Meta(max_length=400)]
Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}\Z")]
Variable = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{0,79}\Z")]
Option = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,79}\Z")]
OptionGlob = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_*?]{1,80}\Z")]
Metric = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./{}*@%-]{0,119}\Z")]
Prefix = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}/\Z")]
Line = Annotated[str, Meta(min_length=1, max_length=400)]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Relative = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\Z",
              max_length=120)
]  # fmt: skip
Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the pack, relative to its folder. Its stem is the name a person types."""

    file: Relative


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of options on the configuration screen. options: names or globs."""

    id: Word
    title: Label
    options: Annotated[list[OptionGlob], Meta(min_length=1, max_length=200)]
    help: Help = ""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[config]"""

    categories: Annotated[list[Category], Meta(max_length=50)] = []


class Flag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known about an option of a fork's script beyond its source. stage "": every stage
    that has it. type: of an option whose default does not tell (None). values: the only ones that
    are allowed; min, max: the range; off: a value outside that switches it off."""

    option: Option
    stage: Annotated[str, Meta(max_length=60)] = ""
    help: Help = ""
    unit: Annotated[str, Meta(max_length=40)] = ""
    type: Literal["", "int", "float", "str", "bool"] = ""
    values: Annotated[list[bool | int | float | str], Meta(min_length=1, max_length=64)] | None = (
        None
    )
    min: Finite | None = None
    max: Finite | None = None
    off: int | None = None


class Launch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[launch] requires: options a stage must have for the rest to count, so that a pack for a
    fork says nothing about other checkouts. env: variables of its environment, unless the person
    has set them; `{otlp_grpc}` and `{otlp_http}` stand for where telemetry is received."""

    requires: Annotated[list[Option], Meta(max_length=16)] = []
    flags: Annotated[list[Flag], Meta(max_length=400)] = []
    env: Annotated[dict[Variable, Annotated[str, Meta(max_length=60)]], Meta(max_length=16)] = {}


class LogMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the log. Fields with a slash in their name are metrics, `step` is the step, the
    others are attributes of the event `span`. rows: templates of the lines below it that belong to
    it. step: where a line without one belongs: "last" to the last step seen, "next" to the one
    after the last step line, for lines that are printed before it."""

    line: Line
    rows: Annotated[list[Line], Meta(max_length=32)] = []
    span: Annotated[str, Meta(max_length=120)] = ""
    step: Literal["last", "next"] = "last"


class SpanMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attributes of a span to metrics: {"mc.mean" = "mc/delta_nll_mean"}. A key may hold a field
    ("mc.lod_{n:int}_loss" = "mc/lod_loss/{n}"), and go into JSON ("mc.summary/0/1").

    step "": as received; "count": the spans are numbered; else "attribute=template" with a field
    {step:int}: a span it does not fit is left out. where: attributes that must be equal. json:
    attributes that are JSON in a text."""

    span: Name
    metrics: Annotated[dict[Name, Metric], Meta(min_length=1, max_length=64)]
    step: Annotated[str, Meta(max_length=200)] = ""
    where: Annotated[dict[Name, bool | int | str], Meta(max_length=8)] = {}
    json: Annotated[list[Name], Meta(max_length=16)] = []


class MetricDeclaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric or glob of metrics: unit and meaning. lower: smaller is better. source (`from` in
    the file): the name it is reported under, if that is another."""

    name: Metric
    unit: Annotated[str, Meta(max_length=40)] = ""
    help: Help = ""
    lower: bool | None = None
    source: Annotated[str, Meta(max_length=200)] = msgspec.field(default="", name="from")


class Telemetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[telemetry] prefix: what metrics of the pack begin with, "<id>/" if it is not given."""

    prefix: Prefix | None = None
    logs: Annotated[list[LogMap], Meta(max_length=128)] = []
    spans: Annotated[list[SpanMap], Meta(max_length=128)] = []
    metrics: Annotated[list[MetricDeclaration], Meta(max_length=400)] = []


Stat = Literal["value", "rate", "repeats", "age"]
Op = Literal[">", ">=", "<", "<=", "==", "!="]


class AlertDeclaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule: either a `metric` compared by `op` with `value`, or a `log` template that was seen.

    stat: what of the metric is compared: its value, its change a second over `for_s`, how many of
    the newest points are equal, or seconds since the last point. It must hold for `for_points`
    points or `for_s` seconds; always: for every point there ever was. title may name fields of the
    log line, and {value}. A log alert is over after `for_s` seconds without such a line, 0: never.
    """

    id: Word
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    severity: Literal["info", "warning", "error"] = "warning"
    hint: Help = ""
    metric: Metric | None = None
    stat: Stat = "value"
    op: Op = ">"
    value: Finite = 0.0
    for_points: Annotated[int, Meta(ge=1, le=4096)] = 1
    for_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    always: bool = False
    log: Annotated[str, Meta(max_length=400)] = ""


class Declarations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a pack declares as data."""

    layouts: Annotated[list[File], Meta(max_length=32)] = []
    prefabs: Annotated[list[File], Meta(max_length=64)] = []
    config: Config = Config()
    launch: Launch = Launch()
    telemetry: Telemetry = Telemetry()
    alerts: Annotated[list[AlertDeclaration], Meta(max_length=64)] = []


def merged(parts: list[Declarations]) -> Declarations:
    """Several files' tables as one. A prefix, if one is given, counts for all."""
    named: list[Any] = [part.telemetry.prefix for part in parts if part.telemetry.prefix]
    return Declarations(
        layouts=[item for part in parts for item in part.layouts],
        prefabs=[item for part in parts for item in part.prefabs],
        config=Config([item for part in parts for item in part.config.categories]),
        launch=Launch(
            [item for part in parts for item in part.launch.requires],
            [item for part in parts for item in part.launch.flags],
            {name: value for part in parts for name, value in part.launch.env.items()},
        ),
        telemetry=Telemetry(
            named[0] if named else None,
            [item for part in parts for item in part.telemetry.logs],
            [item for part in parts for item in part.telemetry.spans],
            [item for part in parts for item in part.telemetry.metrics],
        ),
        alerts=[item for part in parts for item in part.alerts],
    )
