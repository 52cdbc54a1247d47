"""What the core's routes about checkpoints send and take. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

CheckpointState = Literal["whole", "weights", "broken"]
Severity = Literal["error", "warning", "note"]


class CheckpointFile(msgspec.Struct):
    """trouble: why the file cannot be whole, "" if it may be."""

    name: str
    size_bytes: int
    trouble: str = ""


class CheckpointInfo(msgspec.Struct):
    """One row of the list. id: "stage/tag/step". state: "whole" can be resumed; "weights" has a
    model but no optimizer, so it can be used but not resumed; "broken" cannot be loaded.
    ranks: optimizer files. metrics: the numbers its metadata holds."""

    id: str
    stage: str
    tag: str
    step: int
    folder: str
    state: CheckpointState
    size_bytes: int
    saved_at: float
    ranks: int = 0
    files: list[CheckpointFile] = []
    problems: list[str] = []
    metrics: dict[str, float] = {}
    model: dict[str, Any] = {}


class CheckpointList(msgspec.Struct):
    """GET /v1/checkpoints. read_s: how long it took; unread: listed from memory."""

    checkout: str
    base_dir: str
    checkpoints: list[CheckpointInfo]
    free_bytes: int = 0
    read_s: float = 0.0


class TensorInfo(msgspec.Struct):
    """A weight as the file describes it. dtype: as torch names its storage."""

    name: str
    shape: list[int]
    dtype: str


class CheckpointFinding(msgspec.Struct):
    """Something about a checkpoint. remedy: what to do about it."""

    severity: Severity
    code: str
    what: str
    remedy: str = ""


class CheckpointDetail(msgspec.Struct):
    """GET /v1/checkpoints/one. world_size: ranks its optimizer is split over, 0 if unknown.
    sharded: of a kind that each rank holds a part of. options: of the script that wrote it, to fill
    a form with."""

    info: CheckpointInfo
    meta: dict[str, Any] = {}
    tensors: list[TensorInfo] = []
    params: int = 0
    world_size: int = 0
    sharded: bool = False
    options: dict[str, Any] = {}
    findings: list[CheckpointFinding] = []


class CheckWish(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkpoints/check: does it fit? options: of the run that would resume it; nproc: its
    processes, 0: as many as it was trained with. use: what it is for. probe: build the model in the
    checkout's own Python to compare shapes, seconds the first time; an answer that is known counts
    without it."""

    checkout: str
    checkpoint: str
    options: dict[str, Any] = {}
    nproc: Annotated[int, Meta(ge=0, le=1024)] = 0
    use: Literal["load", "resume"] = "load"
    probe: bool = True


class CheckReport(msgspec.Struct):
    """fits: nothing found is an error."""

    detail: CheckpointDetail
    fits: bool
    findings: list[CheckpointFinding]
    probed: bool = False


class KeepRule(msgspec.Struct, forbid_unknown_fields=True):
    """What retention keeps of each stage and tag. last: newest steps; every: steps that are a
    multiple; best: with the lowest val_bpb (or val_loss)."""

    last: Annotated[int, Meta(ge=0)] = 0
    every: Annotated[int, Meta(ge=0)] = 0
    best: Annotated[int, Meta(ge=0)] = 0


class DeleteWish(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkpoints/delete. checkpoints: ids; or a rule over what `stage` and `tag` name
    ("" is all). sure: False only answers what would go."""

    checkout: str
    checkpoints: list[str] = []
    rule: KeepRule | None = None
    stage: str = ""
    tag: str = ""
    sure: bool = False


class DeletePlan(msgspec.Struct):
    """What goes, or went when `done`."""

    delete: list[CheckpointInfo]
    keep: list[CheckpointInfo]
    size_bytes: int
    done: bool = False


class ReportRow(msgspec.Struct):
    """The newest step of a stage and tag, with what its training measured last."""

    stage: str
    tag: str
    step: int
    metrics: dict[str, float]


class CoreRow(msgspec.Struct):
    """A task of CORE. centered: 0 is chance, 1 is perfect."""

    task: str
    accuracy: float | None
    centered: float | None


class CoreTable(msgspec.Struct):
    """A CSV of `base_eval`. core: the mean of the centered accuracies. checkpoints: those of this
    step; more than one, and the file may be of any of them."""

    file: str
    step: int
    core: float | None
    tasks: list[CoreRow]
    checkpoints: list[str] = []


class CardEntry(msgspec.Struct):
    """One result. measure: as in `results.measures`; accuracies are 0 to 1. tag "" and step -1: not
    known. source: what kind of thing says so, where: which. at: seconds since 1970."""

    stage: str
    tag: str
    step: int
    measure: str
    value: float
    source: Literal["checkpoint", "log", "report", "csv"]
    where: str
    at: float = 0.0


class ReportCard(msgspec.Struct):
    """GET /v1/checkpoints/report: evaluations across stages. rows: from checkpoints alone. entries:
    of each stage, tag and measure the newest, from all that says so, by tag and along the
    stages."""

    checkout: str
    rows: list[ReportRow]
    tables: list[CoreTable] = []
    entries: list[CardEntry] = []


class ReshardWish(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkpoints/reshard: the same step for another number of processes, as a tag of its
    own. into: the new tag; "" is `<tag>_w<nproc>`."""

    checkout: str
    checkpoint: str
    nproc: Annotated[int, Meta(ge=1, le=1024)]
    into: Annotated[str, Meta(max_length=100, pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")] = ""


class ReshardDone(msgspec.Struct):
    """checkpoint: what was made."""

    checkpoint: CheckpointInfo
    old_world_size: int
    world_size: int


TRAINERS = {"base": "base_train", "mid": "mid_train", "sft": "chat_sft", "rl": "chat_rl"}
"""Stage of a checkpoint to the script that writes it."""


class FormWish(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkpoints/form: go on from a checkpoint. use: "resume" its own training,
    "continue" with the next stage, or "evaluate" it. target: a stage to continue with, "" for the
    usual one."""

    checkout: str
    checkpoint: str
    use: Literal["resume", "continue", "evaluate"] = "resume"
    target: Annotated[str, Meta(max_length=100)] = ""


class FormFill(msgspec.Struct):
    """What to start, and with which options: those that are not the script's own defaults. nproc:
    None where the checkpoint does not say. left_out: what it was trained with and this checkout's
    script has no option for."""

    checkpoint: str
    target: str
    options: dict[str, Any]
    nproc: int | None = None
    left_out: list[str] = []
