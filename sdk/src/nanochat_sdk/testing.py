"""Try a panel without a host: feed it data, press its keys, read what it would show.

    driver = PanelDriver.from_pack("pack.toml", "loss")
    driver.feed(data(series("train/loss_raw", losses), run=run_facts(step=400)))
    assert "best" in driver.text(80, 20)

The driver calls a panel as a worker does and refuses what the host would refuse: a payload that
does not survive the strict codec, data or actions the manifest does not declare. This module makes
the data; `driver` and `fuzz` are its other parts, and everything is imported from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nanochat_sdk.asks import Answer
from nanochat_sdk.data import (
    Data,
    Event,
    EventKind,
    GpuInfo,
    LogLine,
    LogPage,
    MachineFacts,
    Point,
    RunFacts,
    Series,
)
from nanochat_sdk.downsample import to_series
from nanochat_sdk.driver import PanelDriver, PanelFault, check
from nanochat_sdk.fuzz import FUZZ_SIZES, fuzz_panel
from nanochat_sdk.plaintext import to_text

__all__ = [
    "EPOCH", "FUZZ_SIZES", "Answer", "PanelDriver", "PanelFault", "check", "data", "event",
    "fuzz_panel", "log_page", "machine", "points", "run_facts", "series", "to_text",
]  # fmt: skip

EPOCH = 1_795_309_725.0
"""Moment at which the runs made here start; `data()` is answered 300 s later."""


def run_facts(**changes: Any) -> RunFacts:
    """A base_train run at step 120 of 400, 300 s old; `changes` replaces fields."""
    facts: dict[str, Any] = {
        "id": "20261122-041530-base_train-k3f9",
        "name": "base_train",
        "state": "running",
        "stage": "base_train",
        "checkout": "tiny_nanochat",
        "commit": "92d63d4",
        "device": "cpu",
        "created_at": EPOCH - 2,
        "started_at": EPOCH,
        "stage_started_at": EPOCH,
        "step": 120,
        "num_steps": 400,
        "tokens_per_step": 1024,
        "hooked": True,
        "pipeline": ["base_train"],
        "sources": {"hook": "live", "log": "live"},
    }
    return RunFacts(**{**facts, **changes})


def series(
    metric: str,
    values: Sequence[float],
    x: Sequence[float] | None = None,
    columns: int = 2048,
    unit: str = "",
) -> Series:
    """A metric as the core sends it. x: positions, default 0, 1, 2 ..."""
    return to_series(metric, x if x is not None else range(len(values)), values, columns, unit)


def points(step: int = 120, ts: float = EPOCH + 299, **values: float) -> dict[str, Point]:
    """Newest values by metric name; write "/" as "__": `points(train__loss=2.4)`."""
    return {
        name.replace("__", "/"): Point(value=value, step=step, ts=ts)
        for name, value in values.items()
    }


def event(
    kind: EventKind, step: int | None = None, ts: float = EPOCH + 290, **fields: Any
) -> Event:
    """An event of the run."""
    return Event(ts=ts, kind=kind, step=step, fields=fields)


def log_page(lines: Iterable[str], total: int | None = None) -> LogPage:
    """Log lines; "WARNING" and "ERROR" in a line set its level."""
    out: list[LogLine] = []
    for n, text in enumerate(lines):
        level = "error" if "ERROR" in text else "warning" if "WARNING" in text else "info"
        out.append(LogLine(n=n, text=text, level=level))  # type: ignore[arg-type]
    return LogPage(lines=out, total=len(out) if total is None else total, matched=len(out))


def machine(gpus: int = 0, **changes: Any) -> MachineFacts:
    """A machine of 8 cores and 32 GiB with `gpus` H100s."""
    facts: dict[str, Any] = {
        "hostname": "box",
        "cpu_count": 8,
        "memory_bytes": 32 * 2**30,
        "disk_bytes": 512 * 2**30,
        "disk_path": "/home/me",
        "gpus": [GpuInfo(i, "NVIDIA H100 80GB HBM3", 80 * 2**30, 700.0) for i in range(gpus)],
        "gpu_note": "" if gpus else "no NVIDIA driver found",
    }
    return MachineFacts(**{**facts, **changes})


def data(
    *series_: Series,
    run: RunFacts | None = None,
    now: float = EPOCH + 300,
    **parts: Any,
) -> Data:
    """An answer of the core. parts: `latest`, `events`, `log`, `config`, `machine`, `denied`."""
    return Data(now=now, run=run, series={s.metric: s for s in series_}, **parts)
