"""A case against the real thing: its pack is found by the catalog and opened by the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from arena import Arena
from contract import Case
from nanochat_host.packs import channel, log_tail
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.session import Deadlines
from nanochat_host.packs.state import PanelState
from nanochat_host.packs.supervisor import Supervisor
from nanochat_sdk.payload import Text
from nanochat_sdk.protocol import View
from terminal import HEIGHT, WIDTH, drawing_s, harm_in, harm_when_drawn

DEADLINE_S = 1.0
PATIENT_S = 25.0
_LOAD_S = 30.0
_KILL_S = 20.0
_MOST_LAG_S = 10.0
"""More than a busy machine makes of it, and less than a host waits that a case holds up."""
_MOST_WORK_S = 0.25
"""Processor time of the host for one payload: taken in, cleaned and drawn."""
_MOST_LOG = 64 * 1024
_FAILED = (PanelState.BACKOFF, PanelState.QUARANTINED)
_ADAPTER = Path(__file__).parent / "adapter.py"
_PACK = """
id = "{id}"
version = "1"
protocol = 1
title = "{id}"

[[panels]]
id = "case"
entry = "adapter:Case"
title = "case"
help = "one case"
capabilities = {grants}
"""
GOOD = "def payload(ctx): return {'kind': 'text', 'lines': ['fine']}\n"


class Verdict(NamedTuple):
    """detail: what happened. problems: why the case got through; none when it held."""

    detail: str
    problems: list[str]


class Recorder:
    """Stands for `os` in the modules that read from a worker, and keeps every byte they read."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        for module in (channel, log_tail):
            module.os = self  # type: ignore[attr-defined]

    def read(self, fd: int, size: int) -> bytes:
        chunk = os.read(fd, size)
        if len(self.bytes) < 1 << 20:
            self.bytes += chunk
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def make_pack(arena: Arena, case: Case, code: str) -> Path:
    """A pack with the case in it, and a link to what it must not read."""
    folder = arena.root / "packs" / case.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(_ADAPTER, folder)
    (folder / "panel_file.py").write_text(code)
    (folder / "panel_data.txt").write_text("data")
    (folder / "link_to_secret").symlink_to(arena.secret)
    grants = json.dumps(granted(arena, case))
    pack_id = f"x{abs(hash(case.id)) % 10**9}"
    (folder / "pack.toml").write_text(_PACK.format(id=pack_id, grants=grants))
    return folder


def granted(arena: Arena, case: Case) -> list[str]:
    """The case's permissions, with places and ports filled in."""
    ctx = arena.ctx(case.id, None, 0, DEADLINE_S)
    return [grant.format(**ctx) for grant in case.grants]


def write_setup(folder: Path, kind: str, ctx: dict[str, Any]) -> None:
    """What the adapter needs to know, beside it."""
    (folder / "case.json").write_text(json.dumps({"kind": kind, "ctx": ctx}))


class Guarded:
    """Runs cases behind the walls. level: how far they go at most."""

    def __init__(self, arena: Arena, folder: Path, level: Level) -> None:
        self._arena, self._folder, self._level = arena, folder, level
        self._recorder = Recorder()
        self._broker = arena.outside.broker()
        self._changed = asyncio.Event()
        self.found: set[Level] = set()
        """Levels the workers were measured at."""

    async def run(self, case: Case) -> Verdict:
        """Run one case to its end and look at everything it must not have touched."""
        arena = self._arena
        self._recorder.bytes.clear()
        if case.kind == "env":
            verdict = await self._env(case)
        else:
            verdict = await self._alone(case, (self._folder / case.file).read_text(), case.kind)
        problems = verdict.problems + arena.problems(bytes(self._recorder.bytes))
        good = await self._alone(_GOOD_CASE, GOOD, "benign")
        problems += [f"the next good panel: {problem}" for problem in good.problems]
        return Verdict(verdict.detail, problems)

    async def _alone(self, case: Case, code: str, kind: str) -> Verdict:
        folder = make_pack(self._arena, case, code)
        ctx = self._arena.ctx(case.id, folder, 0, DEADLINE_S)
        write_setup(folder, kind, ctx)
        self._arena.settle()
        brisk = kind in ("hang", "raw", "logflood")
        deadlines = Deadlines(
            slow_s=0.25,
            frame_s=DEADLINE_S if brisk else PATIENT_S,
            start_s=_LOAD_S,
            load_s=_LOAD_S,
        )
        supervisor = Supervisor(
            lambda _panel: self._changed.set(), deadlines, highest=self._level, allow_unsandboxed=()
        )
        try:
            self._arena.outside.reset()
            found = Catalog.discover([folder])
            if case.grants and found.errors:
                return Verdict(f"refused: {found.errors[0]}", [])
            [entry] = found.panels.keys() - _BUILTIN
            self._arena.outside.turn_link()
            panel = supervisor.open(found.panels[entry], {}, granted(self._arena, case))
            return await self._judge(case, kind, panel)
        finally:
            await supervisor.close()
            shutil.rmtree(folder, ignore_errors=True)
            self._arena.before = {
                name: facts
                for name, facts in self._arena.before.items()
                if not name.startswith(f"packs/{case.id}")
            }

    async def _judge(self, case: Case, kind: str, panel: PanelProcess) -> Verdict:
        if kind == "crashloop":
            return await self._crashloop(panel)
        await self._until(lambda: panel.ready or panel.state in _FAILED)
        if panel.level is not None:
            self.found.add(panel.level)
        if panel.state in _FAILED:
            wrong = [] if kind in ("attempt", "crash", "ask") else ["it did not load"]
            return Verdict(f"did not load: {panel.reason}", wrong)
        lag = asyncio.create_task(_most_lag())
        pid, asked = panel.pid, time.monotonic()
        work_s = -time.process_time()
        for _ in range(case.frames):
            before, asked = panel.frames, time.monotonic()
            panel.pull(width=WIDTH, height=HEIGHT, data=None, view=View(), force=True)
            await self._until(lambda n=before: panel.frames > n or panel.state in _FAILED)
            if panel.state in _FAILED:
                break
            for wanted in panel.desk.take_wanted():
                answer = await self._broker.answer(panel.entry.pack.id, wanted.ask, panel.granted)
                panel.desk.answer(wanted.number, answer)
        took = time.monotonic() - asked
        work_s += time.process_time()
        failed = panel.state in _FAILED
        problems = harm_in(panel.reason) + harm_in(panel.traceback) + harm_in(panel.log_text)
        said = panel.reason if failed else _said(panel)
        problems += [said] if "ESCAPED" in said else []
        if kind in ("attempt", "crash", "ask"):
            return Verdict(said, problems)
        if kind == "hang":
            gone = await _gone(pid)
            late = [f"noticed after {took:.2f} s"] if took > DEADLINE_S + _MOST_LAG_S else []
            stays = [] if gone is not None else [f"still there {_KILL_S} s later"]
            lag.cancel()
            most = await lag
            stuck = [f"the host stood still for {most:.2f} s"] if most > _MOST_LAG_S else []
            answered = [] if failed else ["it was expected to hang"]
            detail = f"{panel.reason or 'answered'}; noticed after {took:.2f} s"
            return Verdict(detail, problems + late + stays + stuck + answered)
        lag.cancel()
        if kind == "raw":
            return await self._raw(case, panel, took, problems)
        if kind == "payload":
            if failed or panel.payload is None:
                return Verdict(f"refused: {panel.reason}", problems)
            problems += harm_when_drawn(panel.payload)
            if (work_s := work_s / case.frames + drawing_s(panel.payload)) > _MOST_WORK_S:
                problems.append(f"the host worked {work_s:.2f} s for a frame")
            return Verdict(f"shown: {_said(panel)}", problems)
        if kind == "benign":
            return Verdict(said, problems + ([f"refused: {said}"] if failed else []))
        if kind == "logflood" and len(panel.log_text) > _MOST_LOG:
            problems.append(f"the log has {len(panel.log_text)} characters")
        return Verdict(said, problems)

    async def _raw(
        self, case: Case, panel: PanelProcess, took: float, problems: list[str]
    ) -> Verdict:
        if panel.state not in _FAILED and case.accept_first:
            # A second request: what came unasked, or comes for it, must not be taken.
            panel.pull(width=WIDTH, height=HEIGHT, data=None, view=View(), force=True)
            await self._until(lambda: panel.state in _FAILED)
        if panel.state not in _FAILED:
            problems.append(f"accepted: {_said(panel)}")
        if took > 2 * DEADLINE_S + _MOST_LAG_S:
            problems.append(f"took {took:.2f} s")
        return Verdict(panel.reason, problems)

    async def _crashloop(self, panel: PanelProcess) -> Verdict:
        await self._until(lambda: panel.state is PanelState.QUARANTINED)
        return Verdict(f"{panel.failures} failures, then: {panel.reason}", [])

    async def _env(self, case: Case) -> Verdict:
        """The host itself runs in the environment that the case sets up."""
        module = types.ModuleType("case")
        exec((self._folder / case.file).read_text(), module.__dict__)
        place = self._arena.root / f"env-{case.id}"
        place.mkdir()
        environment = module.setup(str(place), self._arena.ctx(case.id, None, 0, DEADLINE_S))
        folder = environment.pop("__cwd__", None)
        before, cwd = dict(os.environ), Path.cwd()
        os.environ.update(environment)
        try:
            if folder:
                os.chdir(folder)
            return await self._alone(case, GOOD, "benign")
        finally:
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(before)
            shutil.rmtree(place, ignore_errors=True)

    async def _until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


_BUILTIN = Catalog.discover([]).panels.keys()
_GOOD_CASE = Case(
    id="good", group="", kind="benign", file="", tries="", must_hold="", control="n/a"
)


def _said(panel: PanelProcess) -> str:
    if isinstance(panel.payload, Text) and panel.payload.lines:
        return "".join(text for text, _style in panel.payload.lines[0])
    return type(panel.payload).__name__


async def _most_lag() -> float:
    """The longest the event loop was held up, until cancelled."""
    most, step_s = 0.0, 0.02
    try:
        while True:
            start = time.monotonic()
            await asyncio.sleep(step_s)
            most = max(most, time.monotonic() - start - step_s)
    except asyncio.CancelledError:
        return most


async def _gone(pid: int | None) -> float | None:
    """Seconds until the process is gone, None when it is not in time."""
    start = time.monotonic()
    while time.monotonic() - start < _KILL_S:
        if pid is None or not Path(f"/proc/{pid}").exists():
            return time.monotonic() - start
        await asyncio.sleep(0.005)
    return None


assert sys.platform == "linux", "the walls that the cases try are Linux's"
