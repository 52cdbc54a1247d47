"""What travels through the core's door: one declaration for the API, the CLI and the UI.

Bodies are JSON, except `/v1/query`, which is msgpack: its answers pass through the UI undecoded.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from nanochat_sdk.data import Event, MachineFacts, Needs, RunFacts, RunState

from nanochat_host.core.wire_health import HealthPart

API_VERSION = 1
Name = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9$][A-Za-z0-9._$-]*$")]
PrefabName = Annotated[str, Meta(max_length=64, pattern=r"^(\$?[A-Za-z0-9][A-Za-z0-9._-]*)?$")]
FilePath = Annotated[str, Meta(max_length=4096, pattern=r"^[^\x00]*$")]
"""What an operating system can be asked for; whether it is there is another question."""


class CoreInfo(msgspec.Struct):
    """GET /v1/health. rss_bytes: resident memory. debug: verbose logging is on."""

    version: str
    api: int
    pid: int
    home: str
    started_at: float
    active_runs: int = 0
    rss_bytes: int = 0
    debug: bool = False


class SetDebug(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/debug."""

    on: bool


class ErrorBody(msgspec.Struct):
    """Body of every answer that is not 2xx."""

    code: str
    message: str
    hint: str = ""


class OptionInfo(msgspec.Struct):
    """An option of a script as its source declares it. flag: as typed on the command line.
    type: "int", "float", "str" or "bool". line: where it is declared."""

    name: str
    flag: str
    type: str
    default: Any = None
    choices: list[Any] | None = None
    help: str = ""
    line: int = 0
    required: bool = False


class StageInfo(msgspec.Struct):
    """A script that can be run. module: as in `python -m`. dialect: "argparse", "configurator" or
    "none". error: why the script could not be read. trains: it has a loop the hook can drive."""

    name: str
    module: str
    path: str
    dialect: str
    options: list[OptionInfo] = []
    help: str = ""
    error: str = ""
    trains: bool = False


class PipelineStep(msgspec.Struct):
    """A command of a pipeline. nproc: processes, more than 1 runs under torchrun."""

    module: str
    argv: list[str] = []
    nproc: int = 1
    env: dict[str, str] = {}


class PipelineInfo(msgspec.Struct):
    """A recipe found in the checkout (`runs/*.sh`, `speedrun.sh`). unread: lines left out."""

    name: str
    path: str
    steps: list[PipelineStep] = []
    help: str = ""
    unread: list[str] = []


class CheckoutRef(msgspec.Struct):
    """A registered checkout. builtin: the one we ship. python: interpreter its scripts run with."""

    name: str
    path: str
    builtin: bool = False
    python: str = ""
    base_dir: str = ""
    commit: str = ""
    dirty: bool = False
    error: str = ""
    lacks: list[str] = []
    """What a first look misses before it can train: "text", "a tokenizer", "an environment"."""


class CheckoutInfo(msgspec.Struct):
    """GET /v1/checkouts/{name}."""

    ref: CheckoutRef
    stages: list[StageInfo] = []
    pipelines: list[PipelineInfo] = []
    read_s: float = 0.0


class AddCheckout(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/checkouts. name: default is the folder's name."""

    path: FilePath
    name: str = ""
    python: FilePath = ""
    base_dir: FilePath = ""


class StartRun(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/runs. target: a stage ("base_train"), a module, or a pipeline ("demo").
    options: by option name; they override a pipeline's own for the stages that have them, and the
    prefab's; `stage.name` is for one stage of a pipeline, and None takes a prefab's value out.
    prefab: sets the options of the stages it names, and nproc. nproc: None is the prefab's, else a
    pipeline's own, else 1. gpus: the only ones it may see ("0,1"), "" for all. continues: id of a
    run whose newest checkpoint, options and patched values are gone on with. force: start although
    preflight found an error."""

    checkout: str
    target: str
    options: dict[str, Any] = {}
    nproc: int | None = None
    name: str = ""
    cost_per_hour: float = 0.0
    env: dict[str, str] = {}
    prefab: PrefabName = ""
    gpus: str = ""
    continues: str = ""
    force: bool = False


class RunStep(msgspec.Struct):
    """One command of a run, in the order they run. title: for people ("base_train"). argv: the
    script's own arguments. command: the whole command line as the shim executes it."""

    title: str
    module: str
    argv: list[str]
    nproc: int = 1
    hook: bool = False
    env: dict[str, str] = {}
    command: list[str] = []


class RunRecord(msgspec.Struct):
    """run.json: everything needed to do it again; written once. env_names: names handed through,
    never values that may be secret. env: values we set ourselves. continues: the run whose
    checkpoint it began with; resent: the patches of that run that were sent again. queue_item: the
    wish of the queue it came from."""

    id: str
    name: str
    checkout: str
    checkout_path: str
    python: str
    base_dir: str
    steps: list[RunStep]
    created_at: float
    target: str = ""
    commit: str = ""
    dirty: bool = False
    diff: str = ""
    config: dict[str, Any] = {}
    env: dict[str, str] = {}
    env_names: list[str] = []
    world_size: int = 1
    tokenizer_sha256: str = ""
    parent_checkpoint: str = ""
    cost_per_hour: float = 0.0
    host_version: str = ""
    prefab: str = ""
    continues: str = ""
    resent: list[dict[str, Any]] = []
    queue_item: str = ""
    adopted_log: str = ""
    """The log of a process that somebody else started; it has no commands then."""


class RunStatus(msgspec.Struct):
    """state.json: replaced atomically by the shim (by the core only when the shim is gone).
    pid: the trainer (process group leader). pid_start: its start time in clock ticks since boot
    (/proc/PID/stat field 22): a pid alone may be somebody else's by now."""

    state: RunState
    shim_pid: int = 0
    shim_start: int = 0
    pid: int = 0
    pid_start: int = 0
    boot_id: str = ""
    step_index: int = 0
    started_at: float = 0.0
    stage_started_at: float = 0.0
    ended_at: float = 0.0
    exit_code: int | None = None
    signal: int = 0
    reason: str = ""


class RunSummary(msgspec.Struct):
    """One row of the run list. loss: newest train/loss, None before the first step. notes: what
    there is to say of a run that was just started."""

    facts: RunFacts
    target: str = ""
    loss: float | None = None
    val_bpb: float | None = None
    updated_at: float = 0.0
    notes: list[str] = []


class RunDetail(msgspec.Struct):
    """GET /v1/runs/{id}. live: options that may be changed while it runs. read: what it had written
    when the core took it up was read, of a run that has ended all of it."""

    summary: RunSummary
    record: RunRecord
    status: RunStatus
    patches: list[dict[str, Any]] = []
    live: list[str] = []
    read: bool = True


Command = Literal["save", "eval", "sample", "stop", "pause", "resume", "set", "lr"]


class Control(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/runs/{id}/control. name, value: for "set"; value alone for "lr" (a multiplier).
    at_step: apply at the first step not before it."""

    cmd: Command
    name: str = ""
    value: float | int | str | bool | None = None
    at_step: int | None = None


class ControlAck(msgspec.Struct):
    """id: the command's id; the event that acknowledges it carries the same."""

    id: str
    accepted: bool = True
    note: str = ""


class StopRun(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/runs/{id}/stop. mode: "save" finishes the step, saves and exits 0; "term" sends
    SIGTERM; "kill" sends SIGKILL. grace_s: wait before the next rung of the ladder; None: half a
    minute, or three steps where those take longer."""

    mode: Literal["save", "term", "kill"] = "save"
    grace_s: float | None = None


class MetricInfo(msgspec.Struct):
    """A metric of a run. count: points; first/last: step of the oldest and newest. value: the
    newest, None if it is NaN or infinite."""

    name: str
    unit: str
    count: int
    first: int
    last: int
    value: float | None
    help: str = ""


class QueryItem(msgspec.Struct):
    """One panel's needs. since: the revision it already has; nothing new yields no data.
    granted: capabilities the pack holds; the core strips what they do not cover."""

    needs: Needs
    since: int = 0
    granted: list[str] = []


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/query (msgpack): one request serves every panel of a screen. run "" asks for the
    machine alone."""

    run: str
    items: Annotated[list[QueryItem], Meta(max_length=64)]


class QueryAnswer(msgspec.Struct):
    """rev: hand back as `since`. data: msgpack of `nanochat_sdk.data.Data`, None if unchanged."""

    rev: int
    data: bytes | None = None


class QueryResult(msgspec.Struct):
    """Answers in the order of the items."""

    answers: list[QueryAnswer]


class StreamMessage(msgspec.Struct):
    """What `GET /v1/stream?run=ID` sends, as server-sent events, at most 60 a second, only when
    something changed. rev: the run's telemetry moved (ask /v1/query). events: new ones that are
    not metrics or log lines. runs: the list of runs or of checkouts changed. facts: newest facts
    of the run."""

    rev: int = 0
    machine_rev: int = 0
    events: list[Event] = []
    runs: bool = False
    facts: RunFacts | None = None
    machine: MachineFacts | None = None
    gpu: str = ""
    """One line for the status bar, for example "2x H100 97 % 71/80 GB 62 C" or "no GPU"."""
    trouble: str = ""
    """The run's gravest alert that is not over, for the status bar, for example "disk full"."""
    health: list[HealthPart] | None = None
    """How the run and its machine fare; None if that is as before."""
