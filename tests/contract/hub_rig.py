"""Lines as the hook writes them, and questions to a hub as the core asks them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import QueryItem
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import Data, Needs, RunFacts, SeriesQuery

ALL = list(map(str, Capability))
LOG = b"Total batch size 1,024 => gradient accumulation steps: 1\n"


def line(kind: str = "metric", **fields: Any) -> str:
    return json.dumps({"ts": fields.pop("ts", time.time()), "kind": kind, **fields}) + "\n"


def row(step: int, **metrics: Any) -> str:
    return line(step=step, **{"train/loss": 3.0 - step * 0.01, **metrics})


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Give the loop turns until the condition holds."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        await asyncio.sleep(0.002)


def count(hub: TelemetryHub, name: str = "train/loss") -> int:
    return next((m.count for m in hub.metrics("r1") if m.name == name), 0)


def ask(
    hub: TelemetryHub,
    needs: Needs,
    *,
    since: int = 0,
    granted: list[str] | None = None,
    run: RunFacts | None = None,
    config: dict[str, Any] | None = None,
) -> tuple[int, Data | None]:
    item = QueryItem(needs, since, ALL if granted is None else granted)
    (answer,) = hub.query("r1" if run or since >= 0 else "", [item], run, config or {}).answers
    data = None if answer.data is None else msgspec.msgpack.decode(answer.data, type=Data)
    return answer.rev, data


LOSS = Needs(series=(SeriesQuery("train/loss"),), run=False)
