"""The wire between host and worker: who says what, in which order.

Length-prefixed msgpack over two pipes: four bytes big-endian, then the message, 1 byte to
`MAX_FRAME` long. Strict pull: one reply per request, with the request's `seq`.

    worker -> host   Hello      after the walls are up, before any byte of the pack is read
    host -> worker   Load       which panel, with which options
    worker -> host   Loaded | Failed
    host -> worker   Frame      at the panel's refresh rate, only when there is something new
    worker -> host   Reply | Failed
Closing the pipe ends the worker.

Two versions: `WIRE` is this framing and these messages; a mismatch means one installation is
stale. `API` is what panel authors see; the host serves every version in `API_SUPPORTED`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nanochat_sdk.asks import Answer, Asked
from nanochat_sdk.data import Needs
from nanochat_sdk.forms import Entered
from nanochat_sdk.payload import Label, Payload, Str

WIRE = 1
API = 1
API_SUPPORTED = (1,)
MAX_FRAME = 256 * 1024
"""Bytes a worker may send in one message."""
MAX_ASKS = 8
"""Questions a worker may put with one reply."""
MAX_DATA_FRAME = 4 * 1024 * 1024
"""Bytes the host sends at most in one message."""


class View(msgspec.Struct, frozen=True):
    """What the person chose for this panel's charts. x_start/x_end: zoom, None is the data's end.
    smoothing: EMA weight 0..1 for raw curves, None keeps the panel's own option."""

    x_start: float | None = None
    x_end: float | None = None
    smoothing: float | None = None


class Input(msgspec.Struct, frozen=True, tag="input", tag_field="op"):
    """Something the person did in a focused panel. key: a name the panel declared. text: what was
    typed, for a key declared with a prompt. row: table row for "select" and "activate"."""

    kind: Literal["key", "prompt", "select", "activate", "click", "form", "editor"]
    key: str = ""
    text: str = ""
    row: int = -1
    x: int = -1
    y: int = -1


class FormSubmitted(Input, frozen=True, tag="form", kw_only=True):
    """The person sent a `Form`. form: its id. values: by field name, each one that its field
    allows; a number left empty is None."""

    kind: Literal["form"] = "form"
    form: str
    values: dict[str, Entered] = {}


class EditorSubmitted(Input, frozen=True, tag="editor", kw_only=True):
    """The person sent an `Editor`, whose id is `editor`; `text` is what it holds now."""

    kind: Literal["editor"] = "editor"
    editor: str


class KeyHelp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key a panel listens to while focused. help: two or three words for the footer.
    prompt: ask the person for a line of text first."""

    key: Label
    help: Label
    prompt: bool = False


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a panel wants done. The host checks the capability, asks the person, and the core
    does it. action: a key of `capabilities.ACTIONS`."""

    action: Label
    name: Label = ""
    value: float | int | str | bool | None = None


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello", tag_field="op"):
    """First message. walls: what the witness found, wall name to "closed", "OPEN" or "absent"."""

    wire: int
    api: int
    sdk: Label
    pid: int
    walls: Annotated[dict[Label, Label], Meta(max_length=32)] = {}


class Load(msgspec.Struct, frozen=True, tag="load", tag_field="op"):
    """Which panel to import, after the walls stand. entry: "module:Class". paths: folders put in
    front of sys.path. options: validated by the host against pack.toml, defaults filled in.
    denied: permissions it declares and does not have."""

    entry: str
    paths: list[str]
    options: dict[str, Any]
    api: int = API
    denied: list[str] = []


class Loaded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="loaded", tag_field="op"):
    """The panel stands. keys: what it listens to while focused."""

    needs: Needs
    keys: Annotated[list[KeyHelp], Meta(max_length=24)] = []


class Frame(msgspec.Struct, frozen=True, tag="frame", tag_field="op"):
    """A pull. data: a msgpack-encoded `Data`, None when nothing is new. width/height: cells.
    force: repaint even if nothing is new (first frame, new size). answers: by number, to what the
    panel asked."""

    seq: int
    width: int
    height: int
    data: bytes | None = None
    view: View = View()
    inputs: list[Input | FormSubmitted | EditorSubmitted] = []
    force: bool = False
    options: dict[str, Any] | None = None
    answers: dict[int, Answer] = {}


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reply", tag_field="op"):
    """Answer to a Frame. payload None: nothing to repaint. needs None: as before.
    status: a short state shown in the panel's frame, for example "stale 40 s"."""

    seq: int
    payload: Payload | None = None
    needs: Needs | None = None
    status: Label = ""
    acts: Annotated[list[Act], Meta(max_length=8)] = []
    asks: Annotated[list[Asked], Meta(max_length=MAX_ASKS)] = []


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="failed", tag_field="op"):
    """The panel raised. message: one line. traceback: for its author. seq: the frame, 0 at load."""

    message: Str
    traceback: Annotated[str, Meta(max_length=16384)] = ""
    seq: int = 0


FromWorker = Hello | Loaded | Reply | Failed
ToWorker = Load | Frame
