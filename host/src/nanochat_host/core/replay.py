"""Recorded events as a run that has ended: for `panel render --replay` and for panel authors."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from nanochat_sdk.data import RunFacts

from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import QueryItem, QueryResult
from nanochat_host.errors import NotFoundError, UsageError
from nanochat_host.paths import Paths

RUN_ID = "replay"
TIMEOUT_S = 60.0


class Replay:
    """A telemetry hub of its own over a copy of `events`, which is never written to.

    Raises NotFoundError if there is no such file, UsageError if it holds no event.
    """

    def __init__(self, events: Path) -> None:
        if not events.is_file():
            raise NotFoundError(f"{events}: no such file", "give the events.jsonl of a run")
        self._folder = Path(tempfile.mkdtemp(prefix="nanochat-cli-replay-"))
        paths = Paths(self._folder)
        self._run = paths.run(RUN_ID)
        self._run.root.mkdir(parents=True)
        shutil.copyfile(events, self._run.events_jsonl)
        self._source = events
        self._loop = asyncio.new_event_loop()
        self._hub = TelemetryHub(paths)

    def __enter__(self) -> Self:
        try:
            self._loop.run_until_complete(self._load())
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def bad_lines(self) -> int:
        """Lines that are no events."""
        return self._hub.facts(RUN_ID).bad_lines

    def _close(self) -> None:
        self._loop.run_until_complete(self._hub.stop())
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _load(self) -> None:
        await self._hub.start()
        self._hub.follow(self._run, live=False)
        deadline = time.monotonic() + TIMEOUT_S
        while not self._hub.is_settled(RUN_ID) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        events = self._hub.events(
            RUN_ID, (), 8
        )  # an alert about the file itself is none of its own
        if not self._hub.metrics(RUN_ID) and all(event.kind == "alert" for event in events):
            raise UsageError(
                f"{self._source}: holds no event that can be read",
                "expected one JSON object a line, with `ts` and `kind` (docs/events.md)",
            )

    def query(self, item: QueryItem) -> QueryResult:
        """Answer one panel's needs."""
        facts = self._hub.facts(RUN_ID)
        run = RunFacts(
            id=RUN_ID, name=self._source.name, state="done", step=facts.step,
            num_steps=facts.num_steps, tokens_per_step=facts.tokens_per_step, facts=facts.facts,
        )  # fmt: skip
        return self._hub.query(RUN_ID, [item], run, {})
