"""One run's W&B, from the file on disk and over the network."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import msgspec

from nanochat_host.core.run_entry import Run
from nanochat_host.core.secrets.check import wandb_headers, wandb_url
from nanochat_host.core.secrets.needs import needs
from nanochat_host.core.secrets.service import Secrets
from nanochat_host.core.telemetry import journal
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.outside_rows import metric_rows
from nanochat_host.core.telemetry.wandb_file import NotWandbError, WandbFile, WandbNews
from nanochat_host.core.telemetry.wandb_online import (
    Answer,
    RefusedByWandbError,
    RunAtWandb,
    WandbOnline,
)
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import atomic_write

logger = logging.getLogger(__name__)
HEARTBEAT_EVERY_S = 60.0
"""Between polls of a run whose rows come from its file."""
PATIENCE_S = 150.0
"""W&B's heartbeat comes every half minute, and is asked for once a minute."""


class OutsideRecord(msgspec.Struct):
    """outside.json. file, offset: how far W&B's file was read. target: entity/project/id to poll,
    step: the first not seen. page: address of the run's page."""

    file: str = ""
    offset: int = 0
    folder: str = ""
    target: str = ""
    step: int = 0
    page: str = ""


class WandbFollow:
    """Call `look` now and then; it does what is due. name of the source: "wandb"."""

    def __init__(self, run: Run, hub: TelemetryHub, secrets: Secrets) -> None:
        self._run, self._hub, self._secrets = run, hub, secrets
        self.record = _read(run)
        self.heard = Heard(patience_s=PATIENCE_S)
        self.detail = ""
        self._file: WandbFile | None = None
        self._online: WandbOnline | None = None
        self._refused = ""

    async def look(self) -> None:
        """Read what is new. Raises OSError when it cannot be written down."""
        await self._look_at_file()
        if self._refused or not self._asks_online():
            return
        if self._online is None:
            self._online = await self._connect()
        if self._online is not None and self._online.due:
            await self._poll(self._online)
        self._tell()

    async def _look_at_file(self) -> None:
        if self._file is None:
            path = await asyncio.to_thread(self._find)
            if path is None:
                return
            offset = self.record.offset if str(path) == self.record.file else 0
            self._file = WandbFile(path, offset)
        more = True
        while more:
            try:
                news = await asyncio.to_thread(self._file.read)
            except (OSError, NotWandbError) as error:
                self._file, self.detail = None, str(error)
                return
            more = bool(news)
            if news:
                await self._take(news)
        self.heard.at = max(self.heard.at, self._file.changed_at)
        self._tell()

    async def _take(self, news: WandbNews) -> None:
        assert self._file is not None
        self.heard.at = max(self.heard.at, self._file.changed_at)
        self._tell()  # before its rows: whoever sees a row sees its source live
        await self._write(news.rows)
        self.record.file, self.record.offset = str(self._file.path), self._file.offset
        who = news.identity
        if who.get("id") and who.get("project") and "offline-run-" not in str(self._file.path):
            target = RunAtWandb(who.get("entity", ""), who["project"], who["id"])
            self.record.target = self.record.target or "/".join(target)
            self._note_page(target)
        self._save()

    def _find(self) -> Path | None:
        """The newest file of the run: below its own folder, or where an adopted run has it."""
        roots = [self._run.paths.root / "wandb"]
        if self.record.folder:
            roots = [Path(self.record.folder), Path(self.record.folder) / "wandb"]
        found = [
            path
            for root in roots
            for pattern in ("*run-*/run-*.wandb", "run-*.wandb")
            for path in root.glob(pattern)
            if not path.parent.is_symlink()
        ]
        return max(found, key=lambda path: path.stat().st_mtime, default=None)

    def _asks_online(self) -> bool:
        step = self._run.step
        asked = bool(self._run.record.adopted_log) or (step is not None and "wandb" in needs(step))
        return bool(self.record.target) and asked

    async def _connect(self) -> WandbOnline | None:
        try:
            token = await asyncio.to_thread(self._secrets.get, "wandb")
        except NanochatCliError as error:
            self._refused = str(error)
            return None
        if token is None:
            self._refused = "no login for W&B: `nanochat-cli auth login wandb`"
            self.detail = self._refused
            return None
        entity, project, run = self.record.target.split("/")
        target = RunAtWandb(entity, project, run)
        self._note_page(target)
        return WandbOnline(target, wandb_url(), wandb_headers(token), step=self.record.step)

    async def _poll(self, online: WandbOnline) -> None:
        rows = self._file is None
        try:
            answer = await asyncio.to_thread(lambda: online.poll(rows=rows))
        except RefusedByWandbError as error:
            self._refused = self.detail = str(error)
            if not self._file:
                self.heard.off = self._refused
            return
        self.heard.retrying = online.trouble
        self.detail = online.trouble or self.detail
        if answer is None:
            return
        self.detail = f"W&B says {answer.state}" if answer.state else ""
        if not rows:
            online.next_at += HEARTBEAT_EVERY_S
        await self._take_answer(answer, online)

    async def _take_answer(self, answer: Answer, online: WandbOnline) -> None:
        self.heard.at = max(self.heard.at, answer.heartbeat_at)
        if self._file is None and answer.rows:
            self.heard.at = max(self.heard.at, answer.heartbeat_at or time.time())
            self._tell()
            await self._write(answer.rows)
            self.record.step = online.step
            self._save()

    async def _write(self, rows: list[dict[str, object]]) -> None:
        run_id = self._run.id
        lines = metric_rows(rows, "wandb", lambda name: self._hub.last_step(run_id, name))
        await asyncio.to_thread(journal.append_rows, self._run.paths, lines)

    def _note_page(self, target: RunAtWandb) -> None:
        self.record.page = target.page(wandb_url()) or self.record.page

    def _save(self) -> None:
        atomic_write(self._run.paths.outside_json, msgspec.json.encode(self.record), 0o600)

    def _tell(self) -> None:
        self._hub.hear(self._run.id, "wandb", self.heard)


def _read(run: Run) -> OutsideRecord:
    try:
        return msgspec.json.decode(run.paths.outside_json.read_bytes(), type=OutsideRecord)
    except (OSError, msgspec.DecodeError):
        return OutsideRecord()
