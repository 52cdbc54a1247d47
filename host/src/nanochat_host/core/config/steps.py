"""The steps of what is about to start, each with the values it would get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nanochat_host.checkout.model import Stage, Step
from nanochat_host.core import wire_config as wire
from nanochat_host.core.config.effective import Setting, effective
from nanochat_host.core.config.look import Layers, Looked, wanted_vocab
from nanochat_host.core.config.preset import Preset
from nanochat_host.core.config.sources import Source
from nanochat_host.core.config.vocab import Vocabulary, vocabulary
from nanochat_host.core.options import left_out, nearest, normalise, of_stage, read_argv
from nanochat_host.core.targets import steps_of
from nanochat_host.core.wire import StartRun
from nanochat_host.errors import RefusedError, UsageError


def target_wish(start: StartRun) -> wire.TargetWish:
    """What a start would be, to look at with all there is to ask."""
    options = dict(start.options)
    return wire.TargetWish(
        start.checkout, start.target, start.prefab, options, start.nproc, ask=True
    )


def look_at(
    wish: wire.TargetWish,
    source: Source,
    layers: Layers,
    report: wire.TargetReport,
    gpus: int,
) -> Iterator[tuple[wire.StepReport, Looked | None]]:
    """Each step of the target; None for a script whose options are not known. Fills in what
    `report` says of all of them. gpus: of this machine. Raises NotFoundError or UsageError."""
    preset = Preset(layers.chain[0] if layers.chain else "", layers.stages, layers.gpus)
    found = source.found
    steps = steps_of(wish.checkout, wish.target, wish.nproc, found, preset, gpus=gpus)
    report.pipeline = not any(wish.target in (s.name, s.module) for s in source.found.stages)
    try:
        preset.refuse_unless_used([stage.name for _, stage in steps if stage])
    except UsageError as error:
        report.prefab_error = str(error)
    wanted = normalise(wish.options)
    vocab = vocabulary(Path(source.ref.base_dir), wanted_vocab(source, layers.stages))
    recipe = f"recipe:{wish.target}"
    for step, stage in steps:
        title = stage.name if stage else step.module.rpartition(".")[2]
        answer = wire.StepReport(title, step.module, step.nproc)
        if stage is None:
            yield answer, None
            continue
        known = [option.name for option in stage.options]
        given, meant = of_stage(wanted, stage.name, known)
        gone = dict.fromkeys(left_out({k: v for k, v in wanted.items() if v is None}, stage.name))
        # An unknown name is this stage's problem when it was meant for it by name, or stands alone.
        odd = {k.rpartition(".")[2]: v for k, v in wanted.items() if k not in meant}
        alone = {} if report.pipeline else odd
        config = effective(
            stage,
            layers.stages.get(stage.name, {}),
            {**gone, **alone, **given},
            _typed(step, stage, recipe),
        )
        if stage.name == "tok_train":
            size = config.options().get("vocab_size")
            vocab = Vocabulary(size, False) if isinstance(size, int) else vocab
        yield answer, Looked(source, stage, config, layers, step.nproc, vocab)


def refuse_unknown(wish: wire.TargetWish, report: wire.TargetReport) -> None:
    """Raises UsageError for an option that no step of a pipeline has."""
    if not report.pipeline:
        return
    known = {v.name for step in report.steps if step.config for v in step.config.values}
    scoped = {
        f"{step.config.stage}.{value.name}"
        for step in report.steps
        if step.config
        for value in step.config.values
    }
    for name, value in normalise(wish.options).items():
        if value is not None and name not in known | scoped:
            raise UsageError(f"`{wish.target}` has no option `{name}`", nearest(name, known))


def _typed(step: Step, stage: Stage, source: str) -> Mapping[str, Setting]:
    """What a recipe itself types for the stage."""
    return {
        piece.option.name: Setting(piece.value, source, " ".join(piece.words))
        for piece in read_argv(stage.options, step.argv)
        if piece.option is not None
    }


def refuse_errors(report: wire.TargetReport) -> None:
    """Raises RefusedError with the gravest finding of the first step that cannot work."""
    for step in report.steps:
        errors = [finding for finding in step.findings if finding.severity == "error"]
        if not errors:
            continue
        first, way = errors[0], _way(errors[0])
        where = f"{step.title}: " if report.pipeline else ""
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        raise RefusedError(
            f"{where}{first.what}: {first.why}{more}",
            f"{way}{'; ' if way else ''}--force starts it all the same",
        )


def warnings_of(report: wire.TargetReport) -> list[str]:
    """What does not keep a run from starting, but should be known: a line each, with the fix."""
    return [
        f"warning: {f'{step.title}: ' if report.pipeline else ''}{finding.what}"
        f"{'; ' if _way(finding) else ''}{_way(finding)}"
        for step in report.steps
        for finding in step.findings
        if finding.severity == "warning"
    ]


def _way(finding: wire.Finding) -> str:
    fix = " ".join(f"--set {name}={typed(to)}" for name, to in finding.fix.items())
    return fix.replace("--set nproc=", "--nproc ") or finding.fix_note


def typed(value: object) -> str:
    """As on a command line."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
