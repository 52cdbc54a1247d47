"""What `pack.toml` says. Data only: reading it runs no code of the pack."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nanochat_sdk.capabilities import Capability
from nanochat_sdk.payload import Label
from nanochat_sdk.protocol import API

MAX_MANIFEST = 16 * 1024
Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Entry = Annotated[str, Meta(pattern=r"^[A-Za-z_][\w.]{0,120}:[A-Za-z_]\w{0,60}$")]


class ManifestError(ValueError):
    """pack.toml is not one. The message says which key and what is expected."""


class OptionSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An option of a panel. min/max: for numbers. choices: the only values allowed."""

    type: Literal["str", "int", "float", "bool", "metric", "metrics"]
    default: Any
    help: Annotated[str, Meta(max_length=200)]
    min: float | None = None
    max: float | None = None
    choices: list[Any] | None = None


class PanelManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A panel of a pack. min_size: cells (width, height) below which it is not shown.
    refresh_hz: frames a second at most, unless the layout says otherwise."""

    id: Id
    entry: Entry
    title: Label
    help: Annotated[str, Meta(max_length=200)]
    capabilities: list[Capability] = []
    min_size: tuple[int, int] = (20, 4)
    refresh_hz: Annotated[float, Meta(gt=0, le=60)] = 2.0
    options: dict[Id, OptionSpec] = {}


class PackManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack. protocol: the API version of the SDK it was written for."""

    id: Id
    version: Annotated[str, Meta(max_length=40)]
    protocol: int
    title: Label
    description: Annotated[str, Meta(max_length=400)] = ""
    panels: Annotated[list[PanelManifest], Meta(min_length=1, max_length=64)] = []

    def panel(self, panel_id: str) -> PanelManifest | None:
        """The panel of that id, or None."""
        return next((p for p in self.panels if p.id == panel_id), None)


def parse_manifest(raw: bytes) -> PackManifest:
    """Read a pack.toml. Raises ManifestError."""
    if len(raw) > MAX_MANIFEST:
        raise ManifestError(f"pack.toml is larger than {MAX_MANIFEST} bytes")
    try:
        manifest = msgspec.convert(tomllib.loads(raw.decode()), PackManifest)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ManifestError(str(error)) from None
    if manifest.protocol > API:
        raise ManifestError(
            f"`protocol = {manifest.protocol}` is newer than this host's {API}: "
            "update nanochat-cli, or install an older version of the pack"
        )
    return manifest
