"""What a panel may be granted. Everything else is denied, also what is new."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """A right a pack declares in pack.toml and the person grants; each carries the sentence the
    person reads before granting it."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Capability:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    METRICS = ("metrics:read", "See the run's metrics: losses, learning rate, throughput.")
    LOGS = ("logs:read", "Read what the training program prints.")
    CONFIG = ("config:read", "See the run's options and the name of its checkout.")
    SAMPLES = ("samples:read", "Read text the model generated during training.")
    EVENTS = ("events:read", "See checkpoints, alerts and changes of state.")
    GPU = ("gpu:read", "See load, memory and temperature of this machine and its GPUs.")
    CHECKPOINT = ("actions:checkpoint", "Ask you to save a checkpoint.")
    PAUSE = ("actions:pause", "Ask you to pause or resume the run.")
    STEER = ("actions:steer", "Ask you to evaluate, sample, or change a live value.")


NEEDED: dict[str, Capability] = {
    "series": Capability.METRICS,
    "latest": Capability.METRICS,
    "log": Capability.LOGS,
    "config": Capability.CONFIG,
    "events:sample": Capability.SAMPLES,
    "events": Capability.EVENTS,
    "machine": Capability.GPU,
    "series:machine": Capability.GPU,
}
"""Part of `Needs` to the capability it takes. Metrics under "sys/" and "gpu/" take GPU instead of
METRICS. Run facts are free: they are what the status bar shows anyway."""

ACTIONS: dict[str, Capability] = {
    "save": Capability.CHECKPOINT,
    "pause": Capability.PAUSE,
    "resume": Capability.PAUSE,
    "eval": Capability.STEER,
    "sample": Capability.STEER,
    "set": Capability.STEER,
    "lr": Capability.STEER,
}
"""Action a panel may request to the capability it takes. `stop` is nobody's but the person's."""
