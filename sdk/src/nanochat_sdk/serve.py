"""The worker's loop: one panel, one request at a time, until the host closes the pipe.

Runs after the walls stand (or, for an author's own tests, in a plain process). An exception of the
panel is told to the host and the panel stays loaded; memory that ran out ends the worker, because
only a fresh one has any.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace, TracebackType
from typing import Any

import msgspec

import nanochat_sdk
from nanochat_sdk.asks import Answer, Asked, StorePut
from nanochat_sdk.codec import (
    FrameReader,
    decode_data,
    decode_to_worker,
    encode_answer,
    frame_message,
)
from nanochat_sdk.data import Data, Needs
from nanochat_sdk.errors import SdkError, WireError
from nanochat_sdk.panel import Panel, Size
from nanochat_sdk.payload import MAX_TEXT
from nanochat_sdk.protocol import (
    API,
    MAX_ASKS,
    MAX_DATA_FRAME,
    MAX_FRAME,
    WIRE,
    Failed,
    Frame,
    Hello,
    Load,
    Loaded,
    Reply,
)

CHANNEL_IN = 3
CHANNEL_OUT = 4
EXIT_OUT_OF_MEMORY = 71
"""Exit code of a worker whose panel ran out of memory."""
EXIT_BROKEN = 70
"""Exit code of a worker that failed outside the panel's code; its log says why."""
FIRST_SIZE = Size(80, 24)
_CHUNK = 1 << 16
_MAX_TRACEBACK = 16384
_MAX_ACTS = 8
_MAX_ASKED_BYTES = MAX_FRAME // 2
"""Of one reply, so that a payload has room beside what is asked."""


class _Pipes:
    """Blocking messages over the channel's two descriptors."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._reader = FrameReader(MAX_DATA_FRAME)

    def receive(self) -> bytes | None:
        """The next message, None once the host has closed the pipe."""
        while (message := self._reader.take()) is None:
            chunk = os.read(self._read_fd, _CHUNK)
            if not chunk:
                return None
            self._reader.feed(chunk)
        return message

    def send(self, framed: bytearray) -> None:
        view = memoryview(framed)
        while view:
            view = view[os.write(self._write_fd, view) :]


class _Loaded:
    """The panel and what the host has already been told about it."""

    def __init__(self, load: Load) -> None:
        self.panel = _create(load)
        self.size = FIRST_SIZE
        self.needs = _needs(self.panel, self.size)
        self._told = self.needs
        self._due = True
        self._data = Data()
        self._denied = set(load.denied)

    def answer(self, frame: Frame) -> Reply:
        """Feed the panel what came, and draw it when something asks for that. What was due and
        could not be drawn, because the panel raised, stays due."""
        panel = self.panel
        size = Size(frame.width, frame.height)
        if frame.force or size != self.size or frame.view != panel.view:
            self._due = True
        self.size, panel.view = size, frame.view
        if frame.options is not None:
            panel.options = SimpleNamespace(**frame.options)
            self._due = True
        if (data := self._news(frame)) is not None and panel.update(data):
            self._due = True
        for event in frame.inputs:
            if panel.on_input(event):
                self._due = True
        payload = panel.render(size) if self._due else None
        if self._due and payload is None:
            raise SdkError("render() returned None; it must return a payload")
        self.needs = _needs(panel, size)
        acts, panel._acts = panel._acts[:_MAX_ACTS], []
        needs = None if self.needs == self._told else self.needs
        return Reply(frame.seq, payload, needs, panel.status, acts, next_asks(panel))

    def _news(self, frame: Frame) -> Data | None:
        """What came with a frame: data, answers to what the panel asked, or nothing. Answers come
        once, beside the data as it last was."""
        if frame.data is None and not frame.answers:
            return None
        data = self._data if frame.data is None else decode_data(frame.data)
        self._denied.update(denied_by(frame.answers))
        denied = sorted({*data.denied, *self._denied})
        self._data = msgspec.structs.replace(data, denied=denied)
        return msgspec.structs.replace(self._data, answers=frame.answers)

    def sent(self) -> None:
        """The reply was acceptable and is on its way."""
        self._told = self.needs
        self._due = False


def serve(read_fd: int, write_fd: int, walls: dict[str, str]) -> None:
    """Say hello, load the panel asked for, answer frames. Returns when the host closes the pipe.

    walls: what the witness found about this process, see `protocol.Hello`. Raises MemoryError when
    the panel used up what it may have, WireError when the host speaks nonsense.
    """
    pipes = _Pipes(read_fd, write_fd)
    hello = Hello(WIRE, API, nanochat_sdk.__version__, os.getpid(), walls)
    pipes.send(frame_message(hello, MAX_FRAME))
    first = pipes.receive()
    if first is None:
        return
    load = decode_to_worker(first)
    if not isinstance(load, Load):
        raise WireError("the first message must be Load")
    try:
        loaded = _Loaded(load)
        answer = encode_answer(Loaded(loaded.needs, list(loaded.panel.keys)))
    except MemoryError:
        raise
    except Exception as error:
        pipes.send(_failure(error, 0))
        return
    pipes.send(answer)
    while (raw := pipes.receive()) is not None:
        frame = decode_to_worker(raw)
        if not isinstance(frame, Frame):
            raise WireError("the panel is loaded; only frames may follow")
        try:
            framed = encode_answer(loaded.answer(frame))
            loaded.sent()
        except MemoryError:
            raise
        except Exception as error:
            framed = _failure(error, frame.seq)
        pipes.send(framed)


def next_asks(panel: Panel) -> list[Asked]:
    """Take from the panel what one reply has room for; the rest stays for the next."""
    taken = size = 0
    for asked in panel._asks[:MAX_ASKS]:
        ask = asked.ask
        size += len(ask.value) if isinstance(ask, StorePut) else len(getattr(ask, "body", b""))
        if taken and size > _MAX_ASKED_BYTES:
            break
        taken += 1
    asks, panel._asks = panel._asks[:taken], panel._asks[taken:]
    return asks


def denied_by(answers: dict[int, Answer]) -> list[str]:
    """Permissions that turned out to lack."""
    return [answer.note for answer in answers.values() if answer.status == "denied" and answer.note]


def _create(load: Load) -> Panel:
    sys.path[:0] = load.paths
    module_name, _, class_name = load.entry.partition(":")
    _load_package(module_name.partition(".")[0], load.paths)
    panel_class = getattr(importlib.import_module(module_name), class_name, None)
    if not (isinstance(panel_class, type) and issubclass(panel_class, Panel)):
        raise SdkError(f"`{load.entry}` is not a subclass of nanochat_sdk.Panel")
    return panel_class(load.options)


def _load_package(name: str, folders: list[str]) -> None:
    """Import the package of that name if one of the folders has it. Python would look for it by
    listing the folder, whose other names are not the worker's to see."""
    for folder in folders:
        init = f"{folder}/{name}/__init__.py"
        if name in sys.modules or not os.path.isfile(init):  # noqa: PTH113 - light
            continue
        spec = spec_from_file_location(name, init)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise


def _needs(panel: Panel, size: Size) -> Needs:
    needs: Any = panel.needs(size)
    if not isinstance(needs, Needs):
        raise SdkError(f"needs() must return Needs, not {type(needs).__name__}")
    return needs


def _failure(error: Exception, seq: int) -> bytearray:
    """A Failed of bounded size, whatever the exception's own methods do."""
    try:
        text = " ".join(str(error).split())
        message = f"{type(error).__name__}: {text}" if text else type(error).__name__
        trace = "".join(traceback.format_exception(type(error), error, _theirs(error)))
    except Exception:
        message, trace = f"{type(error).__name__} (its message cannot be shown)", ""
    # Encoding would refuse half of a surrogate pair.
    message = message[:MAX_TEXT].encode("utf-8", "replace").decode()
    trace = trace[-_MAX_TRACEBACK:].encode("utf-8", "replace").decode()
    return frame_message(Failed(message, trace, seq), MAX_FRAME)


def _theirs(error: BaseException) -> TracebackType | None:
    """The traceback from the panel's own code on: how it was called says nothing to its author."""
    trace = error.__traceback__
    while trace is not None and _calls(trace.tb_frame.f_globals.get("__name__")):
        trace = trace.tb_next
    if trace is None and isinstance(error, ImportError | SyntaxError):
        return None  # which names the module, or the line, itself
    return trace or error.__traceback__


def _calls(module: object) -> bool:
    """Whether the module calls the panel's code, or imports it."""
    return module == __name__ or str(module).partition(".")[0] == "importlib"
