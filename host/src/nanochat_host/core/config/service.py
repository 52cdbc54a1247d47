"""What the routes of configuration do. Methods block (they read files): call them in a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from nanochat_sdk.data import MachineFacts

from nanochat_host.core import wire_config as wire
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.checkpoints.probes import Probes
from nanochat_host.core.config.check import say
from nanochat_host.core.config.effective import Effective, Setting, diff, effective
from nanochat_host.core.config.look import Layers, Looked, Machine, planned, shown, wanted_vocab
from nanochat_host.core.config.preset import NO_PRESET, Preset
from nanochat_host.core.config.schema import schema, stage_of
from nanochat_host.core.config.sources import Source, Sources
from nanochat_host.core.config.steps import look_at, refuse_unknown
from nanochat_host.core.config.vocab import vocabulary
from nanochat_host.core.declared_config import category_rules
from nanochat_host.core.planner.cpu import Processor, processor_of
from nanochat_host.core.planner.gpus import CPU, GPUS, gpu_named, reference
from nanochat_host.core.planner.matrix import matrix_of
from nanochat_host.core.planner.plan import make_plan
from nanochat_host.core.prefab_file import PrefabFile
from nanochat_host.core.prefabs import Prefabs, machine_of, merged
from nanochat_host.core.preflight.promised import NONE_YET, Promised
from nanochat_host.core.preflight.run import preflight
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths

MAX_NPROC = 1024


class Configs:
    """Schemas, effective configurations, plans and findings of the registered checkouts."""

    def __init__(
        self,
        paths: Paths,
        checkouts: Checkouts,
        machine: Callable[[], MachineFacts],
        probes: Probes | None = None,
        processor: Callable[[], Processor] | None = None,
    ) -> None:
        self.prefabs = Prefabs(paths)
        self._declaring = checkouts.declaring
        self._sources = Sources(checkouts)
        self._machine = machine
        self._runs = paths.runs
        self._probes = probes or Probes()
        self._asking = ThreadPoolExecutor(1, "asking")
        self._processor = processor or (lambda: processor_of(machine()))

    def schema(self, wish: wire.SchemaWish) -> wire.ConfigSchema:
        """Raises NotFoundError or UsageError."""
        began = time.perf_counter()
        found = self._sources.read(wish.checkout).found
        rules = category_rules(self._declaring.packs())
        wish = msgspec.structs.replace(wish, categories=[*wish.categories, *rules])
        answer = schema(wish, found)
        answer.read_s = time.perf_counter() - began
        return answer

    def show(self, wish: wire.ConfigWish) -> wire.EffectiveConfig:
        """Values, where they come from, and what is wrong with them."""
        return shown(wish.checkout, self._look(wish))

    def diff(self, wish: wire.DiffWish) -> list[wire.DiffRow]:
        """What differs from the defaults, from a prefab, or from the wish's own prefab."""
        looked = self._look(wish.config)
        against = wish.against or wish.config.prefab or "defaults"
        base: dict[str, Setting] = {}
        if against != "defaults":
            base = merged(self.prefabs.chain(against)).get(looked.stage.name, {})
        left = effective(looked.stage, base, {})
        rules = category_rules(self._declaring.packs())
        return diff(left.values, looked.config.values, rules)

    def report(self, wish: wire.ConfigWish) -> wire.ConfigReport:
        """Values, plan and findings at once: what a form shows after every key."""
        began = time.perf_counter()
        looked = self._look(wish)
        plan, why = planned(wish, looked, self._gpus_here(), self._processor())
        answer = wire.ConfigReport(
            config=shown(wish.checkout, looked),
            plan=plan,
            plan_error=why,
            findings=preflight(self._situation(wish, looked, plan)),
        )
        answer.took_s = time.perf_counter() - began
        return answer

    def gpus(self) -> list[wire.GpuKind]:
        """GPUs to plan for."""
        return list(GPUS)

    def preset(self, prefab: str) -> Preset:
        """What a prefab sets for a run; nothing for "". Raises as `Prefabs.chain` does."""
        if not prefab:
            return NO_PRESET
        chain = self.prefabs.chain(prefab)
        return Preset(chain[0].name, merged(chain), machine_of(chain)[1])

    def prefab(self, name: str, checkout: str) -> wire.PrefabDetail:
        """A prefab with what it extends; what of it this checkout has not; its matrix."""
        source = self._sources.read(checkout)
        chain = self.prefabs.chain(name)
        stages = merged(chain)
        problems: dict[str, list[wire.FieldProblem]] = {}
        matrix: list[wire.MatrixRow] = []
        depth = tokens = 0
        for stage_name, settings in stages.items():
            stage = next((s for s in source.found.stages if s.name == stage_name), None)
            if stage is None:
                what = wire.FieldProblem(stage_name, "is no stage of this checkout")
                problems[stage_name] = [what]
                continue
            config = effective(stage, settings, {})
            if config.problems:
                problems[stage_name] = config.problems
            if stage_name == "base_train":
                depth, tokens, matrix = self._matrix(source, config, chain, stages)
        info = next(info for info in self.prefabs.all() if info.name == chain[0].name)
        return wire.PrefabDetail(
            info=info,
            text=chain[0].text,
            chain=[prefab.name for prefab in chain],
            stages=plain(stages),
            problems=problems,
            depth=depth,
            tokens=tokens,
            matrix=matrix,
        )

    def _matrix(
        self,
        source: Source,
        config: Effective,
        chain: list[PrefabFile],
        stages: dict[str, dict[str, Setting]],
    ) -> tuple[int, int, list[wire.MatrixRow]]:
        """Depth, tokens and the matrix; zeros and none for what cannot be planned."""
        options = config.options()
        gpu, gpus = machine_of(chain)
        vocab = vocabulary(Path(source.ref.base_dir), wanted_vocab(source, stages))
        try:
            kind = gpu_named(gpu) or reference()
            plan = make_plan(
                options, source.planned, vocab=vocab.size, world=max(1, gpus), gpu=kind
            )
            matrix = matrix_of(options, source.planned, vocab=vocab.size, gpus=gpus)
        except (ValueError, OverflowError, ZeroDivisionError):
            return 0, 0, []
        return int(options["depth"]), int(plan.value("total_tokens")), matrix

    def save(self, wish: wire.SavePrefab) -> wire.PrefabInfo:
        """Check, then write. Raises UsageError for what the stage would refuse."""
        stage = stage_of(self._sources.read(wish.checkout).found, wish.stage)
        own = self.prefabs.own_file(wish.name).exists()
        rests = wish.name if own and not wish.extends else wish.extends
        chain = self.prefabs.chain(rests) if rests else []
        base = merged(chain).get(stage.name, {})
        wanted = effective(stage, {}, wish.options)
        if wanted.problems:
            raise UsageError(say(wanted.problems[0]), "nothing was saved")
        below = effective(stage, base, {}).options()
        given = {v.name: v.value for v in wanted.values if v.source == "set"}
        if not own:
            given = {name: value for name, value in given.items() if value != below.get(name)}
        reset = [name.lstrip("-").replace("-", "_") for name in wish.reset]
        saved = self.prefabs.save(
            wish.name, stage.name, given, reset, extends=wish.extends, title=wish.title
        )
        return next(info for info in self.prefabs.all() if info.name == saved.name)

    def _look(self, wish: wire.ConfigWish) -> Looked:
        source = self._sources.read(wish.checkout)
        stage = stage_of(source.found, wish.stage)
        layers = self._layers(wish.prefab)
        nproc = layers.gpus or 1 if wish.nproc is None else wish.nproc
        if not 1 <= nproc <= MAX_NPROC:
            raise UsageError(f"nproc is 1 to {MAX_NPROC}, not {nproc}")
        config = effective(stage, layers.stages.get(stage.name, {}), wish.options)
        vocab = vocabulary(Path(source.ref.base_dir), wanted_vocab(source, layers.stages))
        return Looked(source, stage, config, layers, nproc, vocab)

    def _layers(self, prefab: str) -> Layers:
        chain = self.prefabs.chain(prefab) if prefab else []
        return Layers([file.name for file in chain], merged(chain), *machine_of(chain))

    def _situation(
        self,
        wish: Machine,
        looked: Looked,
        plan: wire.Plan | None,
        promised: Promised = NONE_YET,
        ask: bool = False,
    ) -> Situation:
        return Situation(
            stage=looked.stage,
            config=looked.config,
            checkout=looked.source.planned,
            base_dir=Path(looked.source.ref.base_dir),
            checkout_path=Path(looked.source.ref.path),
            python=looked.source.ref.python,
            runs=self._runs,
            nproc=looked.nproc,
            machine=self._machine(),
            plan=plan,
            plan_gpu=gpu_named(plan.gpu) if plan else None,
            gpu_asked=wish.gpu.upper() not in ("", CPU),
            promised=promised,
            fitting=lambda begin: self._probes.misfits(looked.source.ref, begin, ask=ask),
        )

    async def target_in_thread(self, wish: wire.TargetWish) -> wire.TargetReport:
        """`target` beside the loop. A checkout takes seconds to answer: those who wait for that
        wait in a thread of their own, and everything else finds one free."""
        pool = self._asking if wish.ask else None
        return await asyncio.get_running_loop().run_in_executor(pool, self.target, wish)

    def target(self, wish: wire.TargetWish) -> wire.TargetReport:
        """Every step of what is about to start. Raises NotFoundError or UsageError."""
        began = time.perf_counter()
        source, layers = self._sources.read(wish.checkout), self._layers(wish.prefab)
        report = wire.TargetReport(wish.checkout, wish.target, [], chain=layers.chain)
        promised, gpus = NONE_YET, self._gpus_here()
        for step, looked in look_at(wish, source, layers, report, len(gpus)):
            if looked is not None:
                plan, step.plan_error = planned(wish, looked, gpus, self._processor())
                step.plan, step.config = plan, shown(wish.checkout, looked)
                situation = self._situation(wish, looked, plan, promised, wish.ask)
                step.findings = preflight(situation)
                report.unasked |= situation.misfits is None
                promised = promised.after(looked.stage.name, looked.config.options())
            report.steps.append(step)
        refuse_unknown(wish, report)
        report.took_s = time.perf_counter() - began
        return report

    def _gpus_here(self) -> list[str]:
        return [gpu.name for gpu in self._machine().gpus]


def plain(settings: Mapping[str, Mapping[str, Setting]]) -> dict[str, dict[str, Any]]:
    """Settings without their places."""
    return {
        stage: {name: setting.value for name, setting in options.items()}
        for stage, options in settings.items()
    }
