"""Getting checkouts ready: what the routes of setup do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import nanochat_host
from nanochat_host.core import wire
from nanochat_host.core import wire_setup as setup
from nanochat_host.core.config.sources import Sources
from nanochat_host.core.prepare import Prepared
from nanochat_host.core.run_folder import new_run_id
from nanochat_host.core.setup.checklist import checklist
from nanochat_host.core.setup.data import data_status
from nanochat_host.core.setup.environments import Environments
from nanochat_host.core.setup.shards import ShardReader
from nanochat_host.errors import NanochatCliError, RefusedError

if TYPE_CHECKING:
    from nanochat_host.core.checkouts import Checkouts
    from nanochat_host.core.checkpoints.service import Checkpoints
    from nanochat_host.core.runs import RunManager
    from nanochat_host.paths import Paths

ENVIRONMENT = "environment"
"""Target of the runs that make environments; no stage may be called so."""


class Setup:
    """Owned by the core, lives in its loop. gpus: number of GPUs of this machine."""

    def __init__(
        self,
        paths: Paths,
        checkouts: Checkouts,
        checkpoints: Checkpoints,
        runs: RunManager,
        gpus: Callable[[], int],
    ) -> None:
        self._paths, self._checkouts, self._checkpoints = paths, checkouts, checkpoints
        self._runs, self._gpus = runs, gpus
        self._environments = Environments(paths, checkouts)
        self._sources = Sources(checkouts)
        self._reader = ShardReader()
        self._looking: dict[str, asyncio.Task[setup.EnvInfo]] = {}

    async def close(self) -> None:
        """Ask nobody any more."""
        for task in self._looking.values():
            task.cancel()
        await asyncio.gather(*self._looking.values(), return_exceptions=True)

    async def env(self, name: str, *, wait: bool, anew: bool = False) -> setup.EnvInfo:
        """The environment. wait: until it is known; else what is, and it is looked at meanwhile.
        Raises NotFoundError."""
        known = None if anew else await asyncio.to_thread(self._environments.known, name)
        if known is not None:
            return self._with_run(known)
        blank = await asyncio.to_thread(self._environments.blank, name)
        task = self._looking.get(name)
        if task is None or task.done():
            job = self._environments.look(name, anew=anew)
            task = self._looking[name] = asyncio.ensure_future(job)
        return self._with_run(await asyncio.shield(task) if wait else blank)

    async def use_env(self, name: str, wish: setup.UseEnv) -> setup.EnvInfo:
        """Choose an interpreter. Raises UsageError, RefusedError or NotFoundError."""
        return self._with_run(await self._environments.use(name, wish.python))

    async def plan_env(self, name: str, wish: setup.MakeEnv) -> list[wire.RunStep]:
        """The commands `make_env` would run. Raises NotFoundError."""
        return await self._environments.steps(name, wish, gpu=self._gpus() > 0)

    async def make_env(self, name: str, wish: setup.MakeEnv) -> wire.RunSummary:
        """Start a run that makes the environment, or adds what it lacks. Raises RefusedError when
        there is nothing to do, or when one is being made."""
        if under_way := self._at(name, ENVIRONMENT):
            raise RefusedError(
                f"the environment of `{name}` is being made already",
                f"`nanochat-cli run logs {under_way}` shows how it goes",
            )
        steps = await self.plan_env(name, wish)
        ref = await asyncio.to_thread(self._checkouts.ref, name)
        if not steps:
            raise RefusedError(
                f"the environment of `{name}` lacks nothing", "`--use` chooses another Python"
            )
        now = time.time()
        record = wire.RunRecord(
            id=new_run_id(ENVIRONMENT, now),
            name=f"{name} {ENVIRONMENT}",
            checkout=name,
            checkout_path=ref.path,
            python=ref.python,
            base_dir=ref.base_dir,
            steps=await self._environments.guarded(steps, ref),
            created_at=now,
            target=ENVIRONMENT,
            env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            host_version=nanochat_host.__version__,
        )
        return self._runs.summary(await self._runs.launch(Prepared(record, {})))

    async def data(self, name: str) -> setup.DataStatus:
        """Data set and tokenizer. Raises NotFoundError."""
        runs = [run for run in self._runs.newest_first() if run.record.checkout == name]
        return await asyncio.to_thread(
            lambda: data_status(self._checkouts.ref(name), runs, self._reader)
        )

    async def status(self, name: str, *, wait: bool = False) -> setup.SetupStatus:
        """The whole checklist. Raises NotFoundError, or UsageError when it is no checkout."""
        source = await asyncio.to_thread(self._sources.read, name)
        env = await self.env(name, wait=wait)
        data = await self.data(name)
        try:
            listing = await asyncio.to_thread(self._checkpoints.listing, name)
            checkpoints = listing.checkpoints
        except (NanochatCliError, OSError):
            checkpoints = []  # a base folder that is not there yet holds none
        busy = self._busy(source.ref)
        items = list(checklist(source.ref, source.found, env, data, checkpoints, busy))
        needed = {"checkout", "environment", "dataset", "tokenizer"}
        ready = all(item.state == "ready" for item in items if item.id in needed)
        stages = [stage.name for stage in source.found.stages if not stage.error]
        return setup.SetupStatus(name, ready, items, env, data, stages)

    def _busy(self, ref: wire.CheckoutRef) -> dict[str, str]:
        """Stage to the live run that is at it, in this base folder."""
        found = {}
        for run in self._runs.live():
            if Path(run.record.base_dir) == Path(ref.base_dir) and run.step is not None:
                found[run.step.title] = run.id
        return found

    def _at(self, name: str, target: str) -> str:
        """The live run of that checkout and target, "" if there is none."""
        for run in self._runs.live():
            if (run.record.checkout, run.record.target) == (name, target):
                return run.id
        return ""

    def _with_run(self, info: setup.EnvInfo) -> setup.EnvInfo:
        info.run = self._at(info.checkout, ENVIRONMENT)
        return info
