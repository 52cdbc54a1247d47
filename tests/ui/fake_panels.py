"""Panels without a worker: what a PanelProcess holds, set by the test."""

from __future__ import annotations

from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.process import PanelState
from nanochat_sdk.data import Needs
from nanochat_sdk.manifest import OptionSpec, PackManifest, PanelManifest
from nanochat_sdk.payload import Payload
from nanochat_sdk.protocol import KeyHelp

NAMES = ("progress", "loss", "validation", "throughput", "timers", "schedule", "gpu", "system",
         "samples", "log", "checkpoints", "alerts", "overview")  # fmt: skip


class FakeProcess:
    """The public face of PanelProcess that a PanelView reads."""

    def __init__(self, entry: PanelEntry, payload: Payload | None = None) -> None:
        self.entry = entry
        self.state = PanelState.LIVE
        self.reason = self.traceback = self.status = ""
        self.payload = payload
        self.payload_rev = 1
        self.keys: tuple[KeyHelp, ...] = ()
        self.needs = Needs()
        self.restarts = 0
        self.badge, self.as_usual = "", True

    def show(self, payload: Payload) -> None:
        """A new payload has arrived."""
        self.payload = payload
        self.payload_rev += 1

    def restart(self) -> None:
        self.restarts += 1
        self.state = PanelState.STARTING


def manifests() -> dict[str, PanelManifest]:
    """Manifests of the built-in panels by name, enough to load a layout."""
    option = OptionSpec(type="float", default=0.9, help="EMA weight", min=0, max=1)
    return {
        f"builtin:{name}": PanelManifest(
            id=name, entry="panels:P", title=name.capitalize(), help="", min_size=(10, 2),
            options={"smoothing": option} if name == "loss" else {},
        )
        for name in NAMES
    }  # fmt: skip


def entries() -> dict[str, PanelEntry]:
    """A catalog of panels that nothing runs."""
    panels = manifests()
    pack = PackManifest(id="builtin", version="1", protocol=1, title="", panels=[*panels.values()])
    return {name: PanelEntry(pack, panel, ()) for name, panel in panels.items()}
