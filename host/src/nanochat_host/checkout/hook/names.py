"""Metric names of the loop variables nanochat has; every other variable is `loop/<variable>`."""

from __future__ import annotations

from collections.abc import Iterable

METRIC_OF_VARIABLE = {
    "debiased_smooth_loss": "train/loss",
    "train_loss_f": "train/loss_raw",
    "train_loss": "train/loss_raw",
    "train_loss_item": "train/loss_raw",
    "loss_f": "train/loss_raw",
    "dt": "train/dt",
    "tok_per_sec": "train/tok_per_sec",
    "mfu": "train/mfu",
    "lrm": "train/lrm",
    "grad_norm": "train/grad_norm",
    "flops_so_far": "total_training_flops",
    "total_training_time": "total_training_time",
    "pct_done": "progress/percent",
}

OCCASIONAL = {"val_bpb": "val/bpb", "val_loss": "val/loss", "core_metric": "core_metric"}
"""Reported only when the variable was assigned anew: it keeps its value between evaluations."""

STEP_VARIABLES = ("step", "global_step", "iter_num", "iteration", "step_num", "it")


def metric_names(variables: Iterable[str]) -> list[str]:
    """One name per variable, all different: of two variables for one metric, the first has it."""
    taken: set[str] = set()
    names = []
    for variable in variables:
        name = METRIC_OF_VARIABLE.get(variable, "")
        if not name or name in taken:
            name = f"loop/{variable}"
        taken.add(name)
        names.append(name)
    return names
