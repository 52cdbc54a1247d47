"""What can be started in a checkout: its pipelines and its stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nanochat_host.core.wire import CheckoutInfo, StageInfo


@dataclass(frozen=True)
class Target:
    """checkout, name: what `StartRun` takes. note: for people. stages: names of the stages it runs
    whose options we know, in order. error: why it cannot be started."""

    checkout: str
    name: str
    note: str
    stages: tuple[str, ...]
    error: str = ""
    pipeline: bool = False

    @property
    def key(self) -> str:
        """Unique among all targets."""
        return f"{self.checkout}/{self.name}"


def targets(info: CheckoutInfo) -> Iterator[Target]:
    """Pipelines first, then stages that train, then the rest."""
    modules = {stage.module: stage for stage in info.stages}
    for pipeline in info.pipelines:
        if not pipeline.steps:
            continue
        names = [step.module.rpartition(".")[2] for step in pipeline.steps]
        known = [modules[step.module] for step in pipeline.steps if step.module in modules]
        broken = next((stage for stage in known if stage.error), None)
        yield Target(
            info.ref.name,
            pipeline.name,
            " → ".join(names),
            tuple(dict.fromkeys(stage.name for stage in known)),
            f"{broken.path}: {broken.error}" if broken else "",
            pipeline=True,
        )
    for stage in sorted(info.stages, key=lambda s: not s.trains):
        yield _of_stage(info, stage)


def _of_stage(info: CheckoutInfo, stage: StageInfo) -> Target:
    note = stage.help.strip().splitlines()[0] if stage.help.strip() else stage.module
    return Target(info.ref.name, stage.name, note, (stage.name,), stage.error)
