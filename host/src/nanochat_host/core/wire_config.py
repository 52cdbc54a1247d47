"""What travels about configuration, prefabs, plans and findings. Bodies are JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nanochat_host.core.wire import PrefabName

Severity = Literal["error", "warning", "note"]


class CategoryInfo(msgspec.Struct, frozen=True):
    """A group of options on the screen."""

    id: str
    title: str
    help: str = ""


class CategoryRule(msgspec.Struct, forbid_unknown_fields=True):
    """A category a pack declares. options: names or globs of the options that belong to it."""

    id: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    options: Annotated[list[str], Meta(max_length=200)]
    title: Annotated[str, Meta(max_length=80)] = ""
    help: Annotated[str, Meta(max_length=400)] = ""


class FieldInfo(msgspec.Struct):
    """An option as a form shows it. type: "int", "float", "str" or "bool". live: may be changed
    while the run goes on. lo, hi: least and greatest value that makes sense. off: the value that
    switches it off, where there is one."""

    name: str
    flag: str
    type: str
    category: str
    unit: str = ""
    default: Any = None
    choices: list[Any] | None = None
    help: str = ""
    line: int = 0
    required: bool = False
    live: bool = False
    lo: float | None = None
    hi: float | None = None
    off: int | None = None


class ConfigSchema(msgspec.Struct):
    """POST /v1/config/schema: what a stage takes. stages: the names of all readable stages."""

    checkout: str
    stage: str
    dialect: str
    fields: list[FieldInfo]
    categories: list[CategoryInfo]
    stages: list[str] = []
    read_s: float = 0.0


class SchemaWish(msgspec.Struct, forbid_unknown_fields=True):
    """search: only fields whose name, help or category has all these words."""

    checkout: str
    stage: str = "base_train"
    search: Annotated[str, Meta(max_length=200)] = ""
    categories: Annotated[list[CategoryRule], Meta(max_length=50)] = []


class ConfigWish(msgspec.Struct, forbid_unknown_fields=True):
    """A configuration to look at: the stage's defaults, a prefab's values over them, `options`
    over those. nproc: None is the prefab's, else 1. gpu: a name of `GET /v1/gpus`, "" for this
    machine's, else the prefab's, else the reference. usd_per_gpu_hour: 0 is the list's."""

    checkout: str
    stage: str = "base_train"
    prefab: PrefabName = ""
    options: dict[str, Any] = {}
    nproc: int | None = None
    gpu: Annotated[str, Meta(max_length=60)] = ""
    usd_per_gpu_hour: Annotated[float, Meta(ge=0, le=10_000)] = 0.0


class FieldValue(msgspec.Struct):
    """A value and where it is from: "default", "prefab:NAME" or "set"."""

    name: str
    value: Any
    source: str
    default: Any = None


class FieldProblem(msgspec.Struct):
    """A value that will not do. nearest: what would, None if nothing is near. where: FILE:LINE of
    a prefab, "" for a value just typed. suggestion: the known name nearest to an unknown one."""

    name: str
    message: str
    value: Any = None
    nearest: Any = None
    where: str = ""
    suggestion: str = ""


class EffectiveConfig(msgspec.Struct):
    """POST /v1/config/show. chain: prefabs from the named one to the one it rests on."""

    checkout: str
    stage: str
    chain: list[str]
    values: list[FieldValue]
    problems: list[FieldProblem] = []
    nproc: int = 1


class DiffWish(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/config/diff. against: "defaults", or the name of a prefab; "" is the wish's own
    prefab without its overrides, or the defaults when it names none."""

    config: ConfigWish
    against: Annotated[str, Meta(max_length=64)] = ""


class DiffRow(msgspec.Struct):
    """A value that differs. left: what it is compared with."""

    name: str
    left: Any
    right: Any
    category: str
    source: str


class Figure(msgspec.Struct):
    """A planned quantity. exact: it is what nanochat computes, not an estimate. note: what it
    rests on."""

    name: str
    title: str
    value: float | int | str
    unit: str = ""
    exact: bool = False
    note: str = ""


class GpuKind(msgspec.Struct, frozen=True):
    """A GPU to plan for, or a CPU in its place. memory_bytes: usable. bf16_flops: peak a second,
    dense. mfu: share of the peak that is reached in bf16. fp8_gain: factor on top with fp8, 1 where
    there is none. usd_per_hour: assumed price of one. sliding: has fast attention over sliding
    windows."""

    name: str
    memory_bytes: int
    bf16_flops: float
    mfu: float
    fp8_gain: float
    usd_per_hour: float
    sliding: bool


class Plan(msgspec.Struct):
    """figures: in the order they are shown. fits: as far as the VRAM estimate tells. ladder: the
    largest device batch the estimate lets fit, 0 if none does. vocab: planned with."""

    gpu: str
    nproc: int
    vocab: int
    figures: list[Figure]
    fits: bool = True
    ladder: int = 0
    assumptions: list[str] = []

    @property
    def machine(self) -> str:
        """What it is for, as a person says it."""
        if self.gpu != "CPU":
            return f"{self.nproc} x {self.gpu}"
        return "this CPU" if self.nproc == 1 else f"this CPU, {self.nproc} processes"

    def value(self, name: str) -> Any:
        """The value of a figure. Raises KeyError."""
        for figure in self.figures:
            if figure.name == name:
                return figure.value
        raise KeyError(name)


class Finding(msgspec.Struct):
    """What preflight found. code: stable word. what: one line. why: what would happen. fix:
    option changes that make it go away (`nproc` is the number of processes, None takes a prefab's
    value out), empty if none do."""

    severity: Severity
    code: str
    what: str
    why: str
    fix: dict[str, Any] = {}
    fix_note: str = ""


class ConfigReport(msgspec.Struct):
    """POST /v1/config/plan: everything a form shows beside the values."""

    config: EffectiveConfig
    plan: Plan | None = None
    findings: list[Finding] = []
    plan_error: str = ""
    took_s: float = 0.0


class TargetWish(msgspec.Struct, forbid_unknown_fields=True):
    """What is about to start, to look at first. target: a stage, a module or a pipeline. The rest
    as in `ConfigWish`; options by name, or `stage.name` for one stage of a pipeline, and None for
    what a prefab sets and is to be left out. nproc: None is the prefab's, else a pipeline's own.
    ask: have the checkout's own Python say whether a checkpoint fits, seconds the first time."""

    checkout: str
    target: str = "base_train"
    prefab: PrefabName = ""
    options: dict[str, Any] = {}
    nproc: Annotated[int, Meta(ge=1, le=1024)] | None = None
    gpu: Annotated[str, Meta(max_length=60)] = ""
    usd_per_gpu_hour: Annotated[float, Meta(ge=0, le=10_000)] = 0.0
    ask: bool = False


class StepReport(msgspec.Struct):
    """One command: its values (none for a script without options we can read), plan, findings."""

    title: str
    module: str
    nproc: int = 1
    config: EffectiveConfig | None = None
    plan: Plan | None = None
    plan_error: str = ""
    findings: list[Finding] = []


class TargetReport(msgspec.Struct):
    """POST /v1/config/target: every step, in order; what an earlier one will make counts as there.
    prefab_error: why the prefab sets nothing here, "" if it does. unasked: a step begins with a
    checkpoint that the checkout's own Python has not been asked about (`TargetWish.ask`)."""

    checkout: str
    target: str
    steps: list[StepReport]
    pipeline: bool = False
    chain: list[str] = []
    prefab_error: str = ""
    unasked: bool = False
    took_s: float = 0.0


class MatrixRow(msgspec.Struct):
    """A prefab on a number of GPUs of one kind. device_batch_size: the largest that fits, 0 if it
    fits not at all; then the rest is 0."""

    gpu: str
    gpus: int
    fits: bool
    device_batch_size: int = 0
    hours: float = 0.0
    usd: float = 0.0


class PrefabInfo(msgspec.Struct):
    """A prefab. origin: "yours", "shipped", or its pack. stages: its own values by stage, without
    what it
    extends. gpu, gpus: the machine it is meant for. error: why it cannot be read."""

    name: str
    path: str
    origin: str
    title: str = ""
    help: str = ""
    extends: str = ""
    gpu: str = ""
    gpus: int = 0
    stages: dict[str, dict[str, Any]] = {}
    error: str = ""


class PrefabDetail(msgspec.Struct):
    """GET /v1/prefabs/{name}. stages: with all that it extends. problems: keys that do not fit the
    checkout, by stage. matrix: computed for this checkout."""

    info: PrefabInfo
    text: str
    chain: list[str]
    stages: dict[str, dict[str, Any]]
    problems: dict[str, list[FieldProblem]] = {}
    depth: int = 0
    tokens: int = 0
    matrix: list[MatrixRow] = []


class SavePrefab(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/prefabs. A name of your own that exists is edited in place, comments and order
    kept; a new one extends `extends` and holds only what differs from it. reset: options to take
    out again."""

    name: Annotated[str, Meta(max_length=64, pattern=r"^\$?[A-Za-z0-9][A-Za-z0-9._-]*$")]
    checkout: str = "tiny"
    stage: str = "base_train"
    extends: PrefabName = ""
    options: dict[str, Any] = {}
    reset: list[str] = []
    title: Annotated[str, Meta(max_length=120)] = ""
