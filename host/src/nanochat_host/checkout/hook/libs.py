"""Patches to libraries, each applied when the script imports the library."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from .events import EventWriter
from .imports import Action
from .rows import number

Tee = Callable[[dict[str, float], "int | None"], None]


def wandb_numbers(data: Any) -> dict[str, float]:
    """The numbers in what was given to `wandb.log`; those of nested dicts as `outer/inner`."""
    found: dict[str, float] = {}
    if isinstance(data, Mapping):
        for name, value in data.items():
            if isinstance(value, Mapping):
                inner = wandb_numbers(value)
                found.update((f"{name}/{key}", item) for key, item in inner.items())
            elif (plain := number(value)) is not None:
                found[str(name)] = plain
    return found


def _tee_log(log: Callable[..., Any], tee: Tee, is_method: bool) -> Callable[..., Any]:
    @functools.wraps(log)
    def logged(*arguments: Any, **options: Any) -> Any:
        given = arguments[1:] if is_method else arguments
        numbers = wandb_numbers(given[0] if given else options.get("data"))
        step = numbers.pop("step", options.get("step"))
        tee(numbers, step if type(step) is int else None)
        return log(*arguments, **options)

    return logged


def tee_dummy_wandb(tee: Tee) -> Action:
    """nanochat's stand-in when no W&B run was asked for: it drops everything."""

    def patch(common: ModuleType) -> None:
        dummy = getattr(common, "DummyWandb", None)
        if isinstance(dummy, type) and hasattr(dummy, "log"):
            dummy.log = _tee_log(dummy.log, tee, is_method=True)

    return patch


def tee_wandb(tee: Tee) -> Action:
    def patch(wandb: ModuleType) -> None:
        init = getattr(wandb, "init", None)
        if init is None:
            return

        @functools.wraps(init)
        def initialised(*arguments: Any, **options: Any) -> Any:
            run = init(*arguments, **options)
            if run is not None and hasattr(run, "log"):
                run.log = _tee_log(run.log, tee, is_method=False)
                wandb.log = run.log  # type: ignore[attr-defined]
            return run

        wandb.init = initialised  # type: ignore[attr-defined]

    return patch


def report_checkpoints(events: EventWriter, was_requested: Callable[[], bool]) -> Action:
    """Wraps `save_checkpoint(dir, step, ...)`. A save that a person asked for and that fails is
    reported and its torn files are removed; one of the script's own fails as ever."""

    def patch(manager: ModuleType) -> None:
        save = getattr(manager, "save_checkpoint", None)
        if save is None:
            return

        @functools.wraps(save)
        def saved(folder: Any, step: Any, *arguments: Any, **options: Any) -> Any:
            requested = was_requested()
            before = set(checkpoint_files(folder, step))
            began = time.perf_counter()
            facts = {"dir": str(folder), "tag": Path(folder).name}
            try:
                result = save(folder, step, *arguments, **options)
            except Exception as exc:
                if requested:
                    _remove(folder, set(checkpoint_files(folder, step)) - before)
                secs = round(time.perf_counter() - began, 3)
                error = f"{type(exc).__name__}: {exc}"
                events.emit("checkpoint", step, **facts, files={}, secs=secs, ok=False, error=error)
                if requested:
                    return None
                raise
            secs = round(time.perf_counter() - began, 3)
            files = checkpoint_files(folder, step)
            events.emit("checkpoint", step, **facts, files=files, secs=secs, ok=True)
            return result

        manager.save_checkpoint = saved  # type: ignore[attr-defined]

    return patch


def checkpoint_files(folder: Any, step: Any) -> dict[str, int]:
    """Size in bytes of each file of one checkpoint."""
    if type(step) is not int:
        return {}
    try:
        with os.scandir(folder) as entries:
            return {e.name: e.stat().st_size for e in entries if f"_{step:06d}" in e.name}
    except OSError:
        return {}


def _remove(folder: Any, names: set[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            Path(folder, name).unlink()


def patch_torch(compile_models: bool, gloo: bool, world: int) -> Action:
    """compile_models False: `torch.compile` hands back what it was given. gloo: ranks on a machine
    without a GPU train together (see gloo.py)."""

    def patch(torch: ModuleType) -> None:
        if not compile_models:
            torch.compile = _not_compiled  # type: ignore[attr-defined]
        if gloo and world > 1 and not torch.cuda.is_available():
            from .gloo import join_over_gloo

            join_over_gloo(world)

    return patch


def _not_compiled(model: Any = None, *arguments: Any, **options: Any) -> Any:
    return model if model is not None else (lambda function: function)
