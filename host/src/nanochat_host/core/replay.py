"""A recording as a run that has ended: for `panel render --replay` and for panel authors."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from nanochat_sdk.data import RunFacts

from nanochat_host.core.declared import apply_declared
from nanochat_host.core.recording import Recording
from nanochat_host.core.telemetry import journal
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import QueryItem, QueryResult
from nanochat_host.declaring import DeclaringPack, read_declaring
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths

RUN_ID = "replay"
TIMEOUT_S = 60.0
_TS = re.compile(rb'"ts": ?([0-9]+(?:\.[0-9]+)?)')


class Replay:
    """A telemetry hub of its own over a copy of a log, an `events.jsonl`, spans or several of them
    (see `core.recording`), which are never written to. Packs' declarations and rules apply.

    packs: whose; None: the enabled ones. only: see `Recording`. Raises NotFoundError if there is no
    such file, UsageError if it holds nothing that can be read.
    """

    def __init__(
        self,
        *files: Path,
        packs: list[DeclaringPack] | None = None,
        only: Mapping[str, str] | None = None,
    ) -> None:
        self._recording = Recording(files, only)
        self._folder = Path(tempfile.mkdtemp(prefix="nanochat-cli-replay-"))
        paths = Paths(self._folder)
        self._run = paths.run(RUN_ID)
        self._run.root.mkdir(parents=True)
        self._source = files[0]
        self._loop = asyncio.new_event_loop()
        self._moments = (0.0, 0.0)
        self._hub = TelemetryHub(paths, judge_ended=True)
        apply_declared(self._hub, read_declaring(Paths.from_env()) if packs is None else packs)

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

    @property
    def began_at(self) -> float:
        """Time of the first event, seconds since 1970; 0 when none says."""
        return self._moments[0]

    @property
    def ended_at(self) -> float:
        """Time of the last event: the moment at which a picture of the recording is taken."""
        return self._moments[1]

    def _close(self) -> None:
        self._loop.run_until_complete(self._hub.stop())
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self) -> None:
        """A single events file byte by byte, so that lines that are no events are counted."""
        sources = self._recording.sources
        if len(sources) == 1 and sources[0].kind == "events" and sources[0].path.suffix != ".gz":
            shutil.copyfile(self._source, self._run.events_jsonl)
            return
        with self._run.out_log.open("wb") as log:
            rows = []
            for item in self._recording.items():
                log.write(item.line)
                if item.row is not None:
                    rows.append(item.row)
            journal.append_rows(self._run, rows)

    async def _load(self) -> None:
        self._copy()
        self._moments = _moments(self._run.events_jsonl)
        await self._hub.start()
        self._hub.follow(self._run, live=False)
        deadline = time.monotonic() + TIMEOUT_S
        while not self._hub.is_settled(RUN_ID) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        # An alert about the file itself is none of its own.
        events = self._hub.events(RUN_ID, (), 8)
        silent = all(event.kind == "alert" for event in events) and not self._run.out_log.exists()
        if silent and not self._hub.metrics(RUN_ID):
            raise UsageError(
                f"{self._source}: holds no event that can be read",
                "expected one JSON object a line, with `ts` and `kind` (docs/events.md)",
            )

    def query(self, item: QueryItem) -> QueryResult:
        """Answer one panel's needs."""
        facts = self._hub.facts(RUN_ID)
        run = RunFacts(
            id=RUN_ID, name=self._source.name, state="done", step=facts.step,
            started_at=self.began_at, ended_at=self.ended_at,
            num_steps=facts.num_steps, tokens_per_step=facts.tokens_per_step, facts=facts.facts,
        )  # fmt: skip
        return self._hub.query(RUN_ID, [item], run, {})


def _moments(events: Path) -> tuple[float, float]:
    """Times of the first and the last row that have one."""
    first = last = 0.0
    try:
        with events.open("rb") as rows:
            for row in rows:
                if found := _TS.search(row):
                    last = float(found[1])
                    first = first or last
    except OSError:
        pass
    return first, last
