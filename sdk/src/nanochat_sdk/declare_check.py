"""Whether what a pack declares makes sense: said when the pack is read, not when a line comes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from nanochat_sdk.declare import AlertDeclaration, Declarations, Flag, LogMap, SpanMap
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.template import Template, compile_template

CORE_PREFIXES = frozenset(
    {"train", "val", "time", "core", "core_accuracy", "chatcore", "progress", "loop", "sys", "gpu"}
)
"""First parts of metric names that are the program's: no pack writes below them, nor any name
without a slash."""
_FIRST = re.compile(r"[A-Za-z0-9_.@%-]+/")
SENDER = "OTEL_BSP_"
"""How a trainer's exporter batches; these any pack may set."""
FOREIGN = frozenset({
    "ld", "dyld", "glibc", "malloc", "gconv", "python", "pip", "uv", "conda", "pyenv", "bash",
    "git", "ssh", "gpg", "sudo", "xdg", "dbus", "perl", "node", "npm", "java", "docker", "http",
    "https", "ftp", "all", "no", "ssl", "ca", "curl", "requests", "hf", "huggingface",
    "transformers", "datasets", "wandb", "comet", "neptune", "mlflow", "clearml", "trackio",
    "openai", "anthropic", "aws", "azure", "google", "gcp", "gcloud", "github", "gitlab",
    "kaggle", "kube", "s3", "slack", "modal", "runpod", "databricks", "otel", "torch", "pytorch",
    "torchelastic", "torchinductor", "triton", "cuda", "cudnn", "cublas", "nvidia", "nccl",
    "gloo", "ucx", "fi", "mpi", "ompi", "pmi", "slurm", "omp", "gomp", "kmp", "mkl", "openblas",
    "tf", "xla", "jax", "hip", "rocm", "hsa", "local", "world", "master", "group", "role",
    "tokenizers", "nanochat",
})  # fmt: skip
"""First parts of variables that mean something to others: a pack of such a name would own them."""
_ENV_VALUE = re.compile(r"[A-Za-z0-9_-]{0,40}|(?:http://)?\{otlp_(?:grpc|http)\}")
_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def prefix_of(pack_id: str, declared: Declarations) -> str:
    """What the pack's metrics begin with."""
    return declared.telemetry.prefix or f"{pack_id}/"


def check_declarations(pack_id: str, declared: Declarations) -> None:
    """Raises ManifestError for the first thing that cannot be."""
    prefix = prefix_of(pack_id, declared)
    _not_cores(prefix, f"the prefix `{prefix}`")
    names = [metric.name for metric in declared.telemetry.metrics]
    for metric in declared.telemetry.metrics:
        _not_cores(metric.name, f"metric `{metric.name}`")
        if metric.source:
            _plain(metric.name)
            if metric.source.split("/")[0] in CORE_PREFIXES:
                raise ManifestError(f"`{metric.source}` is the program's own and stays so")
    for log in declared.telemetry.logs:
        _check_log(log, prefix, names)
    for span in declared.telemetry.spans:
        _check_span(span, prefix, names)
    for flag in declared.launch.flags:
        _check_flag(flag)
    for name, value in declared.launch.env.items():
        _check_env(pack_id, name, value)
    for alert in declared.alerts:
        _check_alert(alert)
    _unique("alert", [alert.id for alert in declared.alerts])
    _unique("category", [category.id for category in declared.config.categories])
    _unique("flag", [f"{flag.option} of {flag.stage or 'all'}" for flag in declared.launch.flags])
    for what, files, ending in (
        ("layout", declared.layouts, ".toml"), ("prefab", declared.prefabs, ".yaml"),
    ):  # fmt: skip
        for item in files:
            if not item.file.endswith(ending) or "/.." in f"/{item.file}":
                raise ManifestError(f"{what} `{item.file}`: name a {ending} file of the pack")
        _unique(what, [item.file.rpartition("/")[2] for item in files])


def _unique(what: str, names: list[str]) -> None:
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ManifestError(f"{what} `{twice}` is declared twice")


def _is_cores(name: str) -> bool:
    return "/" not in name or name.split("/")[0] in CORE_PREFIXES


def _not_cores(name: str, said: str) -> None:
    if _is_cores(name) or not _FIRST.match(name):
        raise ManifestError(f"{said} is the program's; a pack's names have a prefix of their own")


def _plain(name: str) -> None:
    if "*" in name or "{" in name:
        raise ManifestError(f"metric `{name}`: with `from` it must be one name")


def _may_write(name: str, prefix: str, names: Iterable[str]) -> None:
    _not_cores(name, f"metric `{name}`")
    if not name.startswith(prefix) and not any(fnmatchcase(name, given) for given in names):
        raise ManifestError(
            f"metric `{name}` is neither below `{prefix}` nor declared in [[telemetry.metrics]]"
        )


def log_templates(log: LogMap) -> tuple[Template, list[Template]]:
    """The compiled line and rows. Raises ManifestError."""
    return compile_template(log.line), [compile_template(row, blank=True) for row in log.rows]


def _check_log(log: LogMap, prefix: str, names: list[str]) -> None:
    head, rows = log_templates(log)
    fields = [field for template in (head, *rows) for field in template.fields if field.name]
    metrics = [field for field in fields if "/" in field.name]
    for field in metrics:
        if field.kind not in ("float", "int"):
            raise ManifestError(f"`{log.line}`: metric `{field.name}` must be a float or an int")
        _may_write(field.name, prefix, names)
    if any(field.name == "step" and field.kind != "int" for field in fields):
        raise ManifestError(f"`{log.line}`: `step` must be an int")
    told = [field.name for field in fields if "/" not in field.name and field.name != "step"]
    if not log.span and told:
        raise ManifestError(
            f"`{log.line}`: `{told[0]}` goes nowhere: give a `span`, or a metric's name"
        )
    if not log.span and not metrics:
        raise ManifestError(f"`{log.line}` says nothing: it has neither a metric nor a `span`")


def span_step(span: SpanMap) -> tuple[str, Template] | None:
    """(attribute, template) that give the step; None for "" and "count". Raises ManifestError."""
    if span.step in ("", "count"):
        return None
    attribute, equals, template = span.step.partition("=")
    if not equals or not attribute.strip():
        raise ManifestError(
            f'span `{span.span}`: step "{span.step}" is neither "", "count" nor attribute=template'
        )
    found = compile_template(template.strip())
    if not any(field.name == "step" and field.kind == "int" for field in found.fields):
        raise ManifestError(f"span `{span.span}`: `{template.strip()}` has no field {{step:int}}")
    return attribute.strip(), found


def _check_span(span: SpanMap, prefix: str, names: list[str]) -> None:
    span_step(span)
    for source, target in span.metrics.items():
        fields = compile_template(source).fields
        known = {field.name for field in fields}
        for slot in _SLOT.findall(target):
            if slot not in known:
                raise ManifestError(f"span `{span.span}`: `{target}`: `{source}` has no `{slot}`")
        if "{" in _SLOT.sub("", target) or "}" in _SLOT.sub("", target) or "*" in target:
            raise ManifestError(f"span `{span.span}`: `{target}` is no name of a metric")
        _not_cores(target, f"metric `{target}`")
        _may_write(_SLOT.sub("x", target), prefix, names)


def _check_flag(flag: Flag) -> None:
    said = f"flag `{flag.option}`"
    if flag.min is not None and flag.max is not None and flag.min > flag.max:
        raise ManifestError(f"{said}: min is above max")
    if flag.values is not None and (flag.min is not None or flag.max is not None):
        raise ManifestError(f"{said}: either values, or min and max")
    if flag.type in ("str", "bool") and (flag.min is not None or flag.max is not None):
        raise ManifestError(f"{said}: min and max need a number")


def _check_env(pack_id: str, name: str, value: str) -> None:
    """A variable can load code or send data elsewhere: a pack sets its own, to harmless values."""
    own = pack_id.upper().replace("-", "_") + "_"
    if not name.startswith((own, SENDER)):
        raise ManifestError(
            f"variable `{name}`: a pack sets those that begin with {own} or {SENDER}"
        )
    if own.partition("_")[0].lower() in FOREIGN and not name.startswith(SENDER):
        raise ManifestError(f"variable `{name}`: those that begin with {own} are no pack's to set")
    if not _ENV_VALUE.fullmatch(value):
        raise ManifestError(
            f"variable `{name}`: a value is a word, {{otlp_grpc}} or {{otlp_http}}, with or "
            f"without http:// in front, not `{value}`"
        )


def _check_alert(alert: AlertDeclaration) -> None:
    said = f"alert `{alert.id}`"
    if bool(alert.log) == bool(alert.metric):
        raise ManifestError(f"{said}: give either a metric or a log template")
    if alert.log:
        known = {*compile_template(alert.log).names}
        if alert.always or alert.for_points != 1 or alert.stat != "value":
            raise ManifestError(f"{said}: always, for_points and stat belong to a metric")
    else:
        known = {"value"}
        if alert.stat == "rate" and alert.for_s <= 0:
            raise ManifestError(f"{said}: a rate needs `for_s`, the seconds it is taken over")
        if alert.always and (alert.stat != "value" or alert.op == "!=" or alert.for_s):
            raise ManifestError(f"{said}: `always` compares a value, by another op than !=")
    for slot in _SLOT.findall(alert.title):
        if slot not in known:
            raise ManifestError(f"{said}: its title names `{slot}`, which is not known then")
