"""One frame of one panel without a screen, from a real worker: for `panel render` and tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from nanochat_sdk.capabilities import FILES
from nanochat_sdk.data import Data, Needs
from nanochat_sdk.payload import Payload
from nanochat_sdk.protocol import View
from nanochat_sdk.standin import StandIn

from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.process import PanelProcess
from nanochat_host.packs.session import Deadlines
from nanochat_host.packs.state import PanelState
from nanochat_host.packs.supervisor import Supervisor

_ROUNDS = 8
"""Rounds of questions and answers before the picture is taken."""
PATIENT = Deadlines(frame_s=30.0, start_s=30.0, load_s=30.0)
"""Nobody's keys wait for this picture: a busy machine may take its time."""
_FINAL = (PanelState.BACKOFF, PanelState.QUARANTINED)


class PanelFailedError(NanochatCliError):
    """The panel could not be drawn. traceback: the panel's own, "" when it has none."""

    code = "panel_failed"

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


Answer: TypeAlias = Data | Callable[[Needs], Data]
"""The data for the frame, or how to get what the panel needs at the size asked for."""


def render_once(
    entry: PanelEntry,
    options: Mapping[str, Any],
    answer: Answer,
    width: int,
    height: int,
    deadlines: Deadlines = PATIENT,
) -> Payload:
    """Start the panel's worker and return what it draws from `answer` in width x height cells.

    Raises PanelFailedError, OptionError. Not from within a running event loop: use `render` there.
    """
    return asyncio.run(render(entry, options, answer, width, height, deadlines))


async def render(
    entry: PanelEntry,
    options: Mapping[str, Any],
    answer: Answer,
    width: int,
    height: int,
    deadlines: Deadlines = PATIENT,
) -> Payload:
    """`render_once` inside an event loop."""
    async with Stage(entry, options, deadlines) as stage:
        await stage.loaded()
        if not isinstance(answer, Data):
            # A frame without data tells the panel its size, and the panel what it needs there.
            panel = await stage.frame(None, width, height)
            answer = answer(panel.needs)
        panel = await stage.frame(answer, width, height)
        await stage.answer_all(width, height)
        assert panel.payload is not None
        return panel.payload


class Stage:
    """A supervisor with one panel on it; each wait ends with the state waited for, or raises
    PanelFailedError.

    There is nobody to consent, so the panel may read no file. What else it declares it has: notes
    that are forgotten, and a network without an answer.
    """

    def __init__(
        self, entry: PanelEntry, options: Mapping[str, Any], deadlines: Deadlines = PATIENT
    ) -> None:
        self._entry, self._options = entry, options
        self._changed = asyncio.Event()
        self._host = StandIn()
        self._supervisor = Supervisor(lambda _panel: self._changed.set(), deadlines)
        self.panel: PanelProcess

    async def __aenter__(self) -> Stage:
        try:
            declared = self._entry.panel.capabilities
            granted = [text for text in declared if not text.startswith(f"{FILES}:")]
            self.panel = self._supervisor.open(self._entry, self._options, granted)
        except BaseException:
            await self._supervisor.close()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._supervisor.close()

    async def loaded(self) -> None:
        """Wait until it can be asked for a frame."""
        while not self.panel.ready:
            await self._change()

    async def frame(self, data: Data | None, width: int, height: int) -> PanelProcess:
        """Have it draw; returns the panel with what it drew."""
        raw = None if data is None else msgspec.msgpack.encode(data)
        before = self.panel.frames
        self.panel.pull(width=width, height=height, data=raw, view=View(), force=True)
        while self.panel.frames == before:
            await self._change()
        return self.panel

    async def answer_all(self, width: int, height: int) -> None:
        """Answer what it asked, and what it asks then, for a while."""
        for _ in range(_ROUNDS):
            desk = self.panel.desk
            for asked in desk.take_wanted():
                desk.answer(asked.number, self._host.answer(asked.ask, self.panel.granted))
            if not desk.has_answers:
                return
            await self.frame(None, width, height)

    async def _change(self) -> None:
        """The next change that is not a failure. The deadlines of the panel bound the wait."""
        self._changed.clear()
        await self._changed.wait()
        if self.panel.state in _FINAL:
            what = f"panel `{self._entry.name}`: {self.panel.reason}"
            raise PanelFailedError(what, self.panel.traceback)
