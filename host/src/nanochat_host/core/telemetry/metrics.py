"""What is known about metrics by name: unit, direction, meaning, and the other names they go by."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache


@dataclass(frozen=True)
class MetricSpec:
    """pattern: a name or glob. lower: smaller is better (None: neither)."""

    pattern: str
    unit: str = ""
    help: str = ""
    lower: bool | None = None


SPECS: tuple[MetricSpec, ...] = (
    MetricSpec("train/loss", "nats/token", "Training loss, smoothed by the trainer.", True),
    MetricSpec("train/loss_raw", "nats/token", "Training loss of the last batch.", True),
    MetricSpec("val/bpb", "bits/byte", "Validation loss in bits per byte of text.", True),
    MetricSpec("val/loss", "nats/token", "Validation loss.", True),
    MetricSpec("train/bpb", "bits/byte", "Loss on training text in bits per byte.", True),
    MetricSpec("train/dt", "s", "Time of one optimizer step.", True),
    MetricSpec("train/tok_per_sec", "tokens/s", "Training throughput over all ranks.", False),
    MetricSpec("train/mfu", "percent", "Share of the hardware's peak FLOPs that is used.", False),
    MetricSpec("train/lrm", "x", "Multiplier on the learning rates."),
    MetricSpec("train/grad_norm", "", "Norm of the gradient before clipping."),
    MetricSpec("train/epoch", "", "Passes over the training data."),
    MetricSpec("train/num_tokens", "tokens", "Supervised tokens in the step."),
    MetricSpec("total_training_flops", "FLOPs", "Floating point operations so far."),
    MetricSpec("total_training_time", "s", "Training time, without evaluation and start."),
    MetricSpec("progress/percent", "percent", "How much of the stage is done.", False),
    MetricSpec("progress/eta_s", "s", "Time left by the trainer's own estimate."),
    MetricSpec("progress/tokenizer", "percent", "How much of the tokenizer is trained.", False),
    MetricSpec("core_metric", "", "CORE: mean centered accuracy of 22 tasks.", False),
    MetricSpec("core/*", "", "Centered accuracy on a CORE task.", False),
    MetricSpec("core_accuracy/*", "", "Accuracy on a CORE task.", False),
    MetricSpec("chatcore_metric", "", "ChatCORE: mean centered accuracy of chat tasks.", False),
    MetricSpec("chatcore_cat", "", "ChatCORE over multiple-choice tasks only.", False),
    MetricSpec("chatcore/*", "", "Accuracy on a chat task, 0 to 1.", False),
    MetricSpec("pass@*", "", "Share of problems solved within that many tries.", False),
    MetricSpec("reward", "", "Mean reward of the step's samples.", False),
    MetricSpec("sequence_length", "tokens", "Mean length of the step's samples."),
    MetricSpec("time/*_ms", "ms", "Time a part of the step took, by the trainer's own account."),
    MetricSpec("time/*", "s", "Time a part of the step took."),
    MetricSpec("mc/*_ms", "ms", "Time a part of the controller took."),
    MetricSpec("mc/*loss*", "nats/token", "", True),
    MetricSpec("loop/*", "", "A variable of the training loop."),
    MetricSpec("sys/cpu", "percent", "Load of all cores together."),
    MetricSpec("sys/cpu_max", "percent", "Load of the busiest core."),
    MetricSpec("sys/mem_used", "bytes", "Memory in use on this machine."),
    MetricSpec("sys/mem", "percent", "Share of this machine's memory in use."),
    MetricSpec("sys/disk_free", "bytes", "Free space where runs are kept."),
    MetricSpec("sys/disk_read", "bytes/s", "Read from disks."),
    MetricSpec("sys/disk_write", "bytes/s", "Written to disks."),
    MetricSpec("sys/net_in", "bytes/s", "Received from the network."),
    MetricSpec("sys/net_out", "bytes/s", "Sent to the network."),
    MetricSpec("sys/proc_cpu", "percent", "Load of the run's processes, 100 is one core."),
    MetricSpec("sys/proc_rss", "bytes", "Resident memory of the run's processes."),
    MetricSpec("gpu/*/util", "percent", "Share of the time in which the GPU was busy."),
    MetricSpec("gpu/*/mem_used", "bytes", "Memory in use on the GPU."),
    MetricSpec("gpu/*/power", "W", "Power drawn by the GPU."),
    MetricSpec("gpu/*/temp", "C", "Temperature of the GPU."),
    MetricSpec("gpu/*/sm_clock", "MHz", "Clock of the multiprocessors."),
    MetricSpec("gpu/*/mem_clock", "MHz", "Clock of the memory."),
)
_EXACT = {spec.pattern: spec for spec in SPECS if "*" not in spec.pattern}
_GLOBS = tuple(spec for spec in SPECS if "*" in spec.pattern)

ALIASES: dict[str, str] = {
    "train_loss": "train/loss",
    "debiased_smooth_loss": "train/loss",
    "train_loss_f": "train/loss_raw",
    "val_bpb": "val/bpb",
    "val_loss": "val/loss",
    "lrm": "train/lrm",
    "num_tokens": "train/num_tokens",
    "grad_norm": "train/grad_norm",
    "tok_per_sec": "train/tok_per_sec",
    "mfu": "train/mfu",
    "train/bf16_mfu": "train/mfu",
    "dt": "train/dt",
    "flops_so_far": "total_training_flops",
    "pct_done": "progress/percent",
    "mmlu_acc": "chatcore/MMLU",
    "arc_easy_acc": "chatcore/ARC-Easy",
}
"""Keys of older `wandb.log` calls and log lines to the name the metric goes by here."""

MACHINE = ("sys/", "gpu/")
"""Metrics with these prefixes belong to the machine, not to a run."""


_ONLY_IN_LOG = ("core/", "core_accuracy/", "chatcore", "progress/", "train/bpb", "pass@")


_declared: tuple[MetricSpec, ...] = ()


def use_declared(specs: tuple[MetricSpec, ...]) -> None:
    """Units and meanings that packs declare, from now on."""
    global _declared
    if specs != _declared:
        _declared = specs
        spec.cache_clear()


def is_known(name: str) -> bool:
    """Whether a metric of this name is the program's own."""
    return name in ALIASES or name in _EXACT or any(fnmatchcase(name, s.pattern) for s in _GLOBS)


def only_in_log(name: str) -> bool:
    """Whether a metric is taken from the log even while the hook reports the loop's own."""
    return name.startswith(_ONLY_IN_LOG)


def canonical(key: str) -> str:
    """The name a key is kept under; control characters and length are bounded."""
    name = ALIASES.get(key, key)
    return "".join(c for c in name if c.isprintable())[:200] or "unnamed"


@lru_cache(maxsize=8192)
def spec(name: str) -> MetricSpec:
    """What is known about a metric; a bare spec if nothing is."""
    found = next((s for s in _declared if fnmatchcase(name, s.pattern)), _EXACT.get(name))
    if found is None:
        found = next((s for s in _GLOBS if fnmatchcase(name, s.pattern)), MetricSpec(name))
    return found


def is_machine(pattern: str) -> bool:
    """Whether a metric's name or glob asks for the machine."""
    return pattern.startswith(MACHINE)
