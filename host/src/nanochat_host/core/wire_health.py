"""Wire type of a run's health: what its one line on every dashboard says."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["good", "warn", "bad", "off"]
"""off: there is nothing to judge, for example a source that is not used."""
SOURCES = {"hook": "hook", "log": "log", "wandb": "W&B", "otlp": "OTLP"}
"""Where a run's telemetry comes from, and what to call it."""


class HealthPart(msgspec.Struct, frozen=True):
    """GET /v1/runs/{id}/health, and part of the stream. key: "gpu", "memory", "data", "controller",
    "source:NAME", "disk" or "alerts". label: what it is about. text: how it stands. why: what that
    is measured by, and what to do if it is not good."""

    key: str
    label: str
    text: str
    level: Level
    why: str = ""
