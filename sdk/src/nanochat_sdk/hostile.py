"""Data no panel should fall over: what a broken run, a fork or a stranger can put in the store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from nanochat_sdk.data import (
    Data,
    Event,
    EventKind,
    GpuInfo,
    LogLine,
    LogPage,
    MachineFacts,
    Needs,
    Point,
    RunFacts,
    RunState,
)
from nanochat_sdk.downsample import to_series

HUGE = 2**63 - 1
TEXTS = (
    "",
    " ",
    "x" * 5000,
    "\x1b[31mred\x1b[0m\x1b]8;;http://x\x07link\x07\r\n\x00",
    "[bold]markup[/] [@click=app.quit]",
    "日本語の長い名前" * 60,
    "e\u0301\u200d\u202e\ufeff👩‍👩‍👧‍👦🏳️‍🌈" * 40,
    "\ud800".encode("utf-8", "replace").decode(),
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    HUGE,
    -HUGE,
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    -1e308,
    5e-324,
)
ODD: tuple[Any, ...] = (None, True, "nan", "", [], {}, [None, {"a": []}], {"k": math.nan}, *NUMBERS)
CURVES: dict[str, tuple[list[float], list[float]]] = {
    "no points": ([], []),
    "one point": ([7.0], [2.5]),
    "one NaN": ([7.0], [math.nan]),
    "all NaN": ([float(i) for i in range(300)], [math.nan] * 300),
    "a flat line": ([float(i) for i in range(300)], [0.0] * 300),
    "spikes": ([float(i) for i in range(400)], [math.inf, -1e308, 1e308, math.nan] * 100),
    "huge": ([1e18 + 1e6 * i for i in range(300)], [1e300] * 300),
    "tiny": ([i * 1e-9 for i in range(300)], [5e-324] * 300),
    "below zero": ([float(i) for i in range(-150, 150)], [float(-i) for i in range(300)]),
    "many": ([float(i) for i in range(3000)], [math.sin(i) for i in range(3000)]),
}  # fmt: skip
FIELDS = (
    "text", "prompt", "dir", "tag", "files", "secs", "ok", "rule", "severity", "message", "hint",
    "active", "what", "id", "cmd", "name", "old", "value", "error", "reason", "index", "title",
    "exit_code", "facts", "args",
)  # fmt: skip
CONFIG = (
    "warmup_steps", "warmup_ratio", "warmdown_ratio", "final_lr_frac", "num_iterations", "depth",
    "device_batch_size", "total_batch_size", "max_seq_len", "model_tag",
)  # fmt: skip


def hostile_data(needs: Needs) -> Iterator[tuple[str, Data]]:
    """Named answers to `needs`, each one odd in a way that has happened or could."""
    yield "no answer at all", Data()
    denied = ["metrics:read", "logs:read", "config:read", "samples:read", "events:read", "gpu:read"]
    yield "everything denied", Data(now=1e9, run=_run(0), denied=denied)
    for index, (name, (x, y)) in enumerate(CURVES.items()):
        names = {q.metric.replace("*", str(i)): q.columns for q in needs.series for i in (0, 1, 11)}
        series = {n: to_series(n, x, y, min(columns, 2048)) for n, columns in names.items()}
        yield f"series: {name}", _data(needs, index, series=series)
    for index, value in enumerate(NUMBERS):
        latest = {
            name.replace("*", tail): Point(float(value), HUGE if index % 2 else -1, float(value))
            for name in needs.latest
            for tail in ("0", "1", "9" * 40, "日本")
        }
        yield f"latest values: {value!r}", _data(needs, index, latest=latest)
    for index, value in enumerate((*ODD, *TEXTS)):
        yield f"odd values: {str(value)[:20]!r}", _data(needs, index, odd=value)
    for index, state in enumerate(get_args(RunState)):
        yield f"state {state}", _data(needs, index, run=_run(index, state=state))
        bare = RunFacts(id="", name="", state=state)
        yield f"state {state}, nothing known", _data(needs, index, run=bare)


def _run(index: int, **changes: Any) -> RunFacts:
    text = TEXTS[index % len(TEXTS)]
    number = NUMBERS[index % len(NUMBERS)]
    whole = number if isinstance(number, int) else (HUGE, -HUGE, 0)[index % 3]
    run = RunFacts(
        id=text, name=text, state="running", stage=text, checkout=text, commit=text, device=text,
        dirty=bool(index % 2), world_size=whole, created_at=float(number), started_at=float(number),
        ended_at=float(number), exit_code=whole, reason=text, step=whole, num_steps=-whole,
        tokens_per_step=whole, cost_per_hour=float(number), pipeline=[text] * (index * 7),
        stage_index=whole, stage_started_at=-float(number), sources={text: text, "hook": "stale"},
        facts={"num_params": ODD[index % len(ODD)], "flops_per_token": number, text: text},
    )  # fmt: skip
    return msgspec.structs.replace(run, **changes)


def _data(needs: Needs, index: int, *, odd: Any = "x", **parts: Any) -> Data:
    text = TEXTS[index % len(TEXTS)]
    kinds: tuple[EventKind, ...] = needs.events
    whats = ("stage", "applied", "refused", "paused", "resumed", "lost", odd, None)
    events = [
        Event(
            ts=float(NUMBERS[(index + n) % len(NUMBERS)]),
            kind=kinds[n % len(kinds)],
            step=(None, -1, n, HUGE)[n % 4],
            fields=dict.fromkeys(FIELDS, odd) | {"what": whats[n % len(whats)], "text": text}
            if n % 3
            else {},
        )
        for n in range(min(needs.max_events, 40) if kinds else 0)
    ]
    lines = [LogLine(n=i, text=TEXTS[(index + i) % len(TEXTS)]) for i in range(60)]
    gpus = [
        GpuInfo(i, text, HUGE * (i % 2), float(NUMBERS[index % len(NUMBERS)])) for i in range(17)
    ]
    found: dict[str, Any] = {
        "now": float(NUMBERS[index % len(NUMBERS)]),
        "run": _run(index) if index % 5 else None,
        "events": events,
        "log": LogPage(lines=lines, total=HUGE, matched=-1) if needs.log else None,
        "config": dict.fromkeys(CONFIG, odd) | {text: odd} if needs.config else {},
        "machine": MachineFacts(text, -1, HUGE, 0, text, gpus, text) if needs.machine else None,
    }
    return Data(**(found | parts))
