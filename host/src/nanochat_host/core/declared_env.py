"""Variables that packs declare for a fork's stages, so that its telemetry finds the way here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nanochat_sdk.declare import Launch

from nanochat_host.checkout.model import Stage
from nanochat_host.core.wire import RunRecord


def declare_env(
    record: RunRecord,
    stages: Sequence[Stage],
    launches: Sequence[Launch],
    receivers: Mapping[str, str],
    taken: Collection[str],
) -> None:
    """Set them in the steps of a run that is about to start. receivers: "otlp_grpc" and "otlp_http"
    to host:port; a variable that names one that is off is left out. taken: what the person set."""
    options = {stage.module: {option.name for option in stage.options} for stage in stages}
    for step in record.steps:
        for launch in launches:
            if not launch.env or not options.get(step.module, set()) >= set(launch.requires):
                continue
            for name, value in launch.env.items():
                filled = _filled(value, receivers)
                if filled and name not in taken:
                    step.env.setdefault(name, filled)


def _filled(value: str, receivers: Mapping[str, str]) -> str:
    """The value with the receivers' addresses; "" where one is not there."""
    for name in ("otlp_grpc", "otlp_http"):
        if f"{{{name}}}" in value:
            if not receivers.get(name):
                return ""
            value = value.replace(f"{{{name}}}", receivers[name])
    return value
