"""One panel: its state, the last good payload, and what happens when things go wrong.

Outlives its workers: each failure ends a session, the retry policy says when the next may start,
and the person sees the last good payload and the reason meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nanochat_sdk.capabilities import ACTIONS
from nanochat_sdk.data import Needs
from nanochat_sdk.manifest import resolve_options
from nanochat_sdk.payload import Payload
from nanochat_sdk.protocol import Act, Frame, Input, KeyHelp, Load, Loaded, Reply, View

from nanochat_host.packs.broker import Desk
from nanochat_host.packs.catalog import BUILTIN, PanelEntry
from nanochat_host.packs.failure import Failure
from nanochat_host.packs.files import Files, may_read_files, readable_files
from nanochat_host.packs.policy import BASE_DELAY_S, MAX_FAILURES, RetryPolicy
from nanochat_host.packs.room import room_of
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.sanitize import clean, clean_payload, clean_struct
from nanochat_host.packs.session import Deadlines, Session, Spawner
from nanochat_host.packs.state import PanelState

logger = logging.getLogger(__name__)
_MAX_PENDING_ACTS = 32
UNSANDBOXED_VARIABLE = "NANOCHAT_CLI_UNSANDBOXED"
"""Environment variable: ids of packs, separated by commas, that may run without isolation."""


class PanelProcess:
    """A panel as the screen sees it.

    `on_change` is called in the event loop whenever state, reason, payload, needs, status or acts
    may have changed. Texts are sanitised. `payload_rev` grows with each new payload, `frames` with
    each answer, `failures` with each failure.
    """

    def __init__(
        self,
        entry: PanelEntry,
        options: Mapping[str, Any],
        granted: Iterable[str],
        on_change: Callable[[PanelProcess], None],
        spawner: Spawner,
        deadlines: Deadlines,
        unsandboxed_ok: bool = False,
    ) -> None:
        """unsandboxed_ok: it may run where the walls do not isolate it. Raises OptionError."""
        self.entry = entry
        self.room = room_of(entry)
        self._unsandboxed_ok = unsandboxed_ok or entry.pack.id == BUILTIN
        self.options = resolve_options(entry.panel.options, options)
        self.granted = frozenset(granted)
        self.desk = Desk(self.granted)
        """What the present worker asks for. A new one with each worker."""
        self.state = PanelState.STOPPED
        self.reason = ""
        self.traceback = ""
        self.payload: Payload | None = None
        self.payload_rev = 0
        self.keys: tuple[KeyHelp, ...] = ()
        self.needs = Needs()
        self.status = ""
        self.frames = 0
        self.failures = 0
        self.prompted = False
        """The last frame brought something that the person did."""
        self._on_change = on_change
        self._spawner = spawner
        self._deadlines = deadlines
        self._policy = RetryPolicy()
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._checking: asyncio.Task[None] | None = None
        self._repaint = True
        self._new_options = False
        self._paused = False
        self._acts: list[Act] = []

    @property
    def name(self) -> str:
        """ "pack:panel", as layouts name it."""
        return self.entry.name

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None while there is none."""
        return self._session.pid if self._session else None

    @property
    def ready(self) -> bool:
        """No frame in flight, and a worker that can take one."""
        session = self._session
        return (
            self.state is PanelState.LIVE
            and not self._paused
            and session is not None
            and session.ready
        )

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next try, 0 when none is planned."""
        return max(0.0, self._retry.when() - self._loop.time()) if self._retry else 0.0

    @property
    def frame_s(self) -> float:
        """Seconds the last frame took, from request to decoded reply."""
        return self._session.frame_s if self._session else 0.0

    @property
    def walls(self) -> dict[str, str]:
        """What holds the present worker, see `protocol.Hello`."""
        return self._session.walls if self._session else {}

    @property
    def level(self) -> Level | None:
        """What the walls of the present worker come to, None before it has said so."""
        return self._session.level if self._session else None

    @property
    def badge(self) -> str:
        """For the panel's frame: how it is held, "" before the worker has said so. Of a pack that
        did not come with the program also whose it is."""
        if self.level is None:
            return ""
        held, pack = self.level.badge, self.entry.pack.id
        return held if pack == BUILTIN else f"{pack} · {held}"

    @property
    def as_usual(self) -> bool:
        """It came with the program and is isolated: nothing a person must be told."""
        return self.entry.pack.id == BUILTIN and self.level is not Level.NONE

    @property
    def log_text(self) -> str:
        """The last of what the present worker printed."""
        return self._session.log_text() if self._session else ""

    def start(self) -> None:
        """Ask for a worker. Called by the supervisor."""
        self._drop_session()
        self._new_options = False
        self._repaint = True
        self.state = PanelState.STARTING
        if self.entry.sha256 or may_read_files(self.granted):
            self._checking = self._loop.create_task(self._begin_if_unchanged())
            self._on_change(self)
        else:
            self._begin(Files((), {}))

    async def _begin_if_unchanged(self) -> None:
        """The person agreed to these very bytes: look at all of them before any is run. Then at the
        files it may read, in a thread: they may lie on a disk that is slow to answer."""
        try:
            objection = await self._spawner.objection(self.entry) if self.entry.sha256 else ""
            files = await asyncio.to_thread(readable_files, self.granted)
        except OSError as error:
            self._checking = None
            self._failed(Failure(f"its files cannot be looked at: {error}"))
            return
        self._checking = None
        if objection:
            way_out = f"install it again, or `nanochat-cli pack remove {self.entry.pack.id}`"
            self._failed(Failure(f"{objection}; {way_out}", final=True))
        else:
            self._begin(files)

    def _begin(self, files: Files) -> None:
        """files: what it may read, as it was found just now."""
        for permission, why in files.refused.items():
            logger.warning("panel %s: %s is not to be had: %s", self.name, permission, why)
        self.room = room_of(self.entry, files.found)
        self.desk = Desk(self.granted)
        held = self.granted - files.refused.keys()
        load = Load(
            self.entry.panel.entry,
            [str(path) for path in self.entry.paths],
            self.options,
            self.entry.pack.protocol,
            sorted(set(self.entry.panel.capabilities) - held),
        )
        try:
            self._session = Session(self._spawner, self.room, load, self, self._deadlines)
        except OSError as error:
            self._failed(Failure(f"no worker could be started: {error}"))
            return
        self._on_change(self)

    def pull(
        self,
        *,
        width: int,
        height: int,
        data: bytes | None,
        view: View,
        inputs: Iterable[Input] = (),
        force: bool = False,
    ) -> bool:
        """Ask for a frame of width x height cells. False: not `ready`, call again later.

        data: msgpack of `nanochat_sdk.data.Data`, None when nothing is new. A worker that has just
        started has seen no data yet and draws what it has.
        """
        if not self.ready or self._session is None:
            return False
        frame = Frame(
            seq=0,
            width=width,
            height=height,
            data=data,
            view=view,
            inputs=list(inputs),
            force=force or self._repaint,
            options=self.options if self._new_options else None,
            answers=self.desk.take_answers(),
        )
        self.prompted = bool(frame.inputs)
        if trouble := self._session.request(frame):
            self.status = trouble
            self._on_change(self)
        return True

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Takes effect with the next frame. Raises OptionError and changes nothing then."""
        self.options = resolve_options(self.entry.panel.options, options)
        self._new_options = self._repaint = True

    def take_acts(self) -> list[Act]:
        """What the panel has asked for since the last call, of what it was granted."""
        acts, self._acts = self._acts, []
        return acts

    def restart(self) -> None:
        """The person wants it back: forget past failures and start anew."""
        self._policy.reset()
        self.reason = self.traceback = ""
        self.start()

    def pause(self) -> None:
        """Stop the process (SIGSTOP) while nobody looks, once no frame is in flight."""
        self._paused = True
        self._stop_if_paused()

    def resume(self) -> None:
        """Undo `pause`."""
        if self._paused:
            self._paused = False
            if self._session is not None:
                self._session.signal(signal.SIGCONT)

    def close(self) -> None:
        """End the worker; `restart` would bring it back."""
        self._drop_session()
        self.state = PanelState.STOPPED

    def end_worker(self, failure: Failure) -> None:
        """The worker has to go, or has gone with its zygote, for a reason that is not in it."""
        if self._session is not None:
            self.on_ended(failure)

    def objection(self, level: Level) -> str:
        """Session listener."""
        if level is not Level.NONE or self._unsandboxed_ok:
            return ""
        pack = self.entry.pack.id
        consent = f"run `nanochat-cli pack grant {pack} --unsandboxed`"
        if not self.entry.sha256:  # not installed, so there is nothing to keep consent with
            consent = f"set {UNSANDBOXED_VARIABLE}={pack}"
        return (
            f"this system cannot isolate it (see `nanochat-cli doctor`); if you trust `{pack}` as "
            f"you trust this program, {consent}"
        )

    def on_loaded(self, loaded: Loaded) -> None:
        """Session listener."""
        self.keys = clean_struct(tuple(loaded.keys))
        self.needs = loaded.needs
        self.state = PanelState.LIVE
        self._stop_if_paused()
        self._on_change(self)

    def on_reply(self, reply: Reply) -> None:
        """Session listener."""
        self.state = PanelState.LIVE
        self.reason = self.traceback = ""
        self._repaint = self._new_options = False
        self.frames += 1
        if reply.payload is not None:
            self.payload = clean_payload(reply.payload)
            self.payload_rev += 1
        if reply.needs is not None:
            self.needs = reply.needs
        self.status = clean(reply.status)
        self._take_in(reply.acts)
        self.desk.take_in(reply.asks)
        self._stop_if_paused()
        self._on_change(self)

    def on_slow(self) -> None:
        """Session listener."""
        self.state = PanelState.SLOW
        self._on_change(self)

    def on_raised(self, failure: Failure) -> None:
        """Session listener: the worker stays, and is asked again after the wait."""
        self._failed(failure)

    def on_ended(self, failure: Failure) -> None:
        """Session listener: the worker is gone; another is started after the wait."""
        self._drop_session()
        self._failed(failure)

    def _failed(self, failure: Failure) -> None:
        self.failures += 1
        self.reason = failure.reason
        self.traceback = failure.traceback.replace(f"{self.entry.folder}/", "")
        logger.warning("panel %s: %s", self.name, failure.reason)
        delay_s: float | None = BASE_DELAY_S
        if not failure.blameless:
            delay_s = self._policy.failed(violation=failure.violation or failure.final)
        if delay_s is None:
            if not failure.violation and not failure.final:
                self.reason += f" (failure {MAX_FAILURES} in ten minutes)"
            self._drop_session()
            self.state = PanelState.QUARANTINED
        else:
            self.state = PanelState.BACKOFF
            self._retry = self._loop.call_later(delay_s, self._try_again)
        self._on_change(self)

    def _try_again(self) -> None:
        self._retry = None
        if self._session is None:
            self.start()
            return
        self._repaint = True
        self.state = PanelState.LIVE
        self._stop_if_paused()
        self._on_change(self)

    def _take_in(self, acts: list[Act]) -> None:
        for act in acts:
            if ACTIONS.get(act.action) in self.granted:
                if len(self._acts) < _MAX_PENDING_ACTS:
                    self._acts.append(clean_struct(act))
            else:
                logger.debug("panel %s may not ask for %r", self.name, act.action)

    def _stop_if_paused(self) -> None:
        if self._paused and self._session is not None and self._session.ready:
            self._session.signal(signal.SIGSTOP)

    def _drop_session(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._session is not None:
            self._session.end()
            self._session = None
