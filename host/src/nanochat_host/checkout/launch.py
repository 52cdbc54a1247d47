"""Command lines and environment of a trainer process."""

from __future__ import annotations

from pathlib import Path

from .model import Step

HOOK_RUNNER = Path(__file__).parent / "hook" / "runner.py"
"""The script that runs a module with the hook: `python HOOK_RUNNER scripts.base_train ARGS`."""


def step_command(python: str, step: Step, hook: bool) -> list[str]:
    """What to execute, in the checkout's folder, with the checkout's interpreter `python`."""
    if step.nproc > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={step.nproc}"]
        target = [str(HOOK_RUNNER), step.module] if hook else ["-m", step.module]
        # torchrun would read `--run=NAME` as its own `--run-path` if nothing ended its options.
        return [python, *launcher, *target, "--", *step.argv]
    target = [str(HOOK_RUNNER), step.module] if hook else ["-m", step.module]
    return [python, *target, *step.argv]


def hook_env(
    events: str | Path, control: str | Path, *, compile_models: bool = True, gloo: bool = False
) -> dict[str, str]:
    """What the hook reads, to be added to the trainer's environment. compile_models: False turns
    `torch.compile` off. gloo: several ranks without a GPU train together."""
    env = {
        "NANOCHAT_CLI_EVENTS": str(events),
        "NANOCHAT_CLI_CONTROL": str(control),
        "PYTHONUNBUFFERED": "1",
    }
    if not compile_models:
        env["NANOCHAT_CLI_COMPILE"] = "0"
    if gloo:
        env["NANOCHAT_CLI_GLOO"] = "1"
    return env
