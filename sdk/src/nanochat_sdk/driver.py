"""One panel under test, called as a worker calls it. Imported from `nanochat_sdk.testing`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import msgspec

from nanochat_sdk.asks import Answer, permission_for
from nanochat_sdk.capabilities import ACTIONS, Capability
from nanochat_sdk.codec import HEADER, decode_from_worker, encode_answer
from nanochat_sdk.data import Data, Needs
from nanochat_sdk.errors import SdkError
from nanochat_sdk.forms import Editor, Entered, Form, entry_trouble, initial
from nanochat_sdk.manifest import PanelManifest, parse_manifest, resolve_options
from nanochat_sdk.panel import Panel, Size
from nanochat_sdk.payload import Payload, Stack
from nanochat_sdk.plaintext import to_text
from nanochat_sdk.protocol import Act, EditorSubmitted, FormSubmitted, Input, Reply, View
from nanochat_sdk.serve import denied_by, next_asks
from nanochat_sdk.standin import StandIn


class PanelFault(AssertionError):
    """A panel did what the host would refuse. The message says what and in which case."""


def check(payload: Payload, needs: Needs | None = None, status: str = "") -> Payload:
    """What the host decodes of an answer. Raises PanelFault if it would refuse it."""
    decoded = _as_decoded(Reply(1, payload, needs, status)).payload
    if decoded is None:
        raise PanelFault("render() returned None")
    return decoded


def _as_decoded(reply: Reply) -> Reply:
    try:
        decoded = decode_from_worker(memoryview(encode_answer(reply))[HEADER:])
    except (SdkError, TypeError, UnicodeError) as error:
        raise PanelFault(f"the host refuses this answer: {error}") from None
    assert isinstance(decoded, Reply)
    return decoded


class PanelDriver:
    """One panel under test.

    panel: the class. options: over the manifest's defaults. manifest: what it declares; without
    one, every capability is taken as declared. Raises OptionError.

    host: answers what the panel asks: set its `store` and its `net`. denied: permissions that the
    person did not grant.
    """

    def __init__(
        self,
        panel: type[Panel],
        options: dict[str, Any] | None = None,
        manifest: PanelManifest | None = None,
    ) -> None:
        self.manifest = manifest
        if manifest is not None:
            options = resolve_options(manifest.options, options or {})
        self.panel = panel(options)
        self.host = StandIn()
        self.denied: set[str] = set()
        self._size = Size(80, 24)
        self._data = Data()

    @classmethod
    def from_pack(
        cls, pack_toml: str | Path, panel_id: str, options: dict[str, Any] | None = None
    ) -> PanelDriver:
        """The panel that a pack.toml names; its code is looked for beside the file as well.
        Raises ManifestError, OptionError or PanelFault."""
        path = Path(pack_toml)
        manifest = parse_manifest(path.read_bytes()).panel(panel_id)
        if manifest is None:
            raise PanelFault(f"{path} has no panel {panel_id!r}")
        module, _, name = manifest.entry.partition(":")
        folder = str(path.resolve().parent)
        sys.path.append(folder)
        try:
            found = getattr(importlib.import_module(module), name)
        finally:
            sys.path.remove(folder)
        return cls(found, options, manifest)

    @property
    def needs(self) -> Needs:
        """What the panel asks for now. Raises PanelFault if its manifest does not cover it."""
        needs = self.panel.needs(self._size)
        if self.manifest is not None:
            missing = needed(needs) - set(self.manifest.capabilities)
            if missing:
                raise PanelFault(f"asks for {', '.join(sorted(missing))}, which it lacks")
        return needs

    @property
    def status(self) -> str:
        """The short state shown in the panel's frame."""
        return self.panel.status

    def view(self, view: View) -> None:
        """The person zoomed, panned or smoothed."""
        self.panel.view = view

    def feed(self, data: Data) -> bool:
        """Send data; True if the panel asks for a repaint."""
        denied = sorted({*data.denied, *self.denied})
        self._data = msgspec.structs.replace(data, denied=denied)
        return self.panel.update(self._data)

    def answer(self) -> bool:
        """Answer what the panel asked so far, from `host`; True if it asks for a repaint. Raises
        PanelFault for a question that its manifest does not cover or the wire does not take."""
        due = False
        last = self.panel._last_asked
        while self.panel._asks and self.panel._asks[0].number <= last:
            answers: dict[int, Answer] = {}
            for asked in _as_decoded(Reply(1, asks=next_asks(self.panel))).asks:
                needed = permission_for(asked.ask)
                if needed is None:
                    raise PanelFault(f"no permission covers {asked.ask!r:.200}")
                if self.manifest is not None and needed not in self.manifest.capabilities:
                    raise PanelFault(f"asks for {needed}, which its manifest does not declare")
                granted = () if needed in self.denied else (needed,)
                answers[asked.number] = self.host.answer(asked.ask, granted)
            self.denied.update(denied_by(answers))
            denied = sorted({*self._data.denied, *self.denied})
            self._data = msgspec.structs.replace(self._data, denied=denied)
            due |= self.panel.update(msgspec.structs.replace(self._data, answers=answers))
        return due

    def press(self, key: str, text: str | None = None) -> bool:
        """Press a declared key, with `text` typed where it has a prompt. Raises PanelFault if
        the panel does not declare the key."""
        declared = {help_.key: help_ for help_ in self.panel.keys}
        if key not in declared:
            raise PanelFault(f"the panel declares no key {key!r}")
        kind = "prompt" if declared[key].prompt else "key"
        return self.panel.on_input(Input(kind=kind, key=key, text=text or ""))  # type: ignore[arg-type]

    def select(self, row: int) -> bool:
        """Choose a row of the panel's table."""
        return self.panel.on_input(Input(kind="select", row=row))

    def activate(self, row: int) -> bool:
        """Press enter on a row of the panel's table, or click it twice."""
        return self.panel.on_input(Input(kind="activate", row=row))

    def submit(self, **values: Entered) -> bool:
        """Fill in the form on show and send it; fields not named keep their value. Raises
        PanelFault where the host would not let a person send that."""
        parts = self.parts(*self._size)
        form = next((part for part in parts if isinstance(part, Form)), None)
        if form is None:
            raise PanelFault("the panel shows no form")
        filled = {field.name: initial(field) for field in form.fields}
        if unknown := values.keys() - filled:
            raise PanelFault(f"the form has no field {', '.join(sorted(unknown))}")
        filled |= values
        for field in form.fields:
            if trouble := entry_trouble(field, filled[field.name]):
                raise PanelFault(f"the host would not send this: `{field.name}` {trouble}")
        return self.panel.on_input(FormSubmitted(form=form.id, values=filled))

    def write(self, text: str) -> bool:
        """Replace the text of the editor on show and send it. Raises PanelFault."""
        parts = self.parts(*self._size)
        editor = next((part for part in parts if isinstance(part, Editor)), None)
        if editor is None:
            raise PanelFault("the panel shows no editor")
        if len(text) > editor.max_length:
            raise PanelFault(f"the host would not send more than {editor.max_length} characters")
        return self.panel.on_input(EditorSubmitted(editor=editor.id, text=text))

    def render(self, width: int = 80, height: int = 20) -> Payload:
        """The payload as the host decodes it. Raises PanelFault if the host would refuse it."""
        self._size = Size(width, height)
        payload = self.panel.render(self._size)
        return check(payload, self.needs, self.panel.status)

    def parts(self, width: int = 80, height: int = 20) -> list[Payload]:
        """What `render` shows, stacks taken apart."""
        return _parts(self.render(width, height))

    def text(self, width: int = 80, height: int = 20) -> str:
        """What `render` shows, as plain text."""
        return to_text(self.render(width, height), width, height)

    def acts(self) -> list[Act]:
        """What the panel asked the host to do since the last call. Raises PanelFault for an
        action that is unknown or not covered by the manifest."""
        acts, self.panel._acts = self.panel._acts, []
        for act in acts:
            capability = ACTIONS.get(act.action)
            if capability is None:
                raise PanelFault(f"{act.action!r} is not an action")
            if self.manifest is not None and capability not in self.manifest.capabilities:
                raise PanelFault(f"requests {act.action!r} without {capability}")
        return acts


def _parts(payload: Payload) -> list[Payload]:
    """The payload, or what a stack of them holds."""
    if isinstance(payload, Stack):
        return [part for child in payload.children for part in _parts(child.payload)]
    return [payload]


def needed(needs: Needs) -> set[Capability]:
    """Capabilities that an answer to `needs` takes."""
    names = [query.metric for query in needs.series] + list(needs.latest)
    machine_names = [name for name in names if name.startswith(("sys/", "gpu/"))]
    out: set[Capability] = set()
    if len(names) > len(machine_names):
        out.add(Capability.METRICS)
    if machine_names or needs.machine:
        out.add(Capability.GPU)
    if needs.log is not None:
        out.add(Capability.LOGS)
    if needs.config:
        out.add(Capability.CONFIG)
    for kind in needs.events:
        out.add(Capability.SAMPLES if kind == "sample" else Capability.EVENTS)
    return out
