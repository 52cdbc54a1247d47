"""What `pack.toml` says. Data only: reading it runs no code of the pack."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nanochat_sdk.capabilities import MAX_PERMISSION, parse_permission
from nanochat_sdk.declare import Declarations, Relative, merged
from nanochat_sdk.declare_check import check_declarations
from nanochat_sdk.errors import ManifestError as ManifestError
from nanochat_sdk.errors import OptionError
from nanochat_sdk.payload import MAX_TEXT, Label
from nanochat_sdk.protocol import API, API_SUPPORTED

MAX_MANIFEST = 16 * 1024
MAX_DECLARATIONS = 64 * 1024
MAX_LINE = 4096
MANIFEST = "pack.toml"
# \Z, because $ also matches before a line break at the end.
Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*\Z", max_length=40)]
Entry = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*\Z",
        max_length=200,
    ),
]
Permitted = Annotated[str, Meta(max_length=MAX_PERMISSION)]
MAX_CHOICES = 64
MAX_PERMISSIONS = 32
"""Permissions a panel may declare: more than a person would read."""
RESERVED = frozenset({"app", "core", "host", "nanochat", "panel", "stdlib", "system"})
"""Ids no pack may have: they would read as part of the program."""


class OptionSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An option of a panel. min/max: for numbers. choices: the only values allowed."""

    type: Literal["str", "int", "float", "bool", "metric", "metrics"]
    default: Any
    help: Annotated[str, Meta(max_length=200)]
    min: float | None = None
    max: float | None = None
    choices: list[Any] | None = None


class PanelManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A panel of a pack. capabilities: permissions (see `capabilities.parse_permission`).
    min_size: cells (width, height) below which it is not shown. refresh_hz: frames a second at
    most, unless the layout says otherwise."""

    id: Id
    entry: Entry
    title: Label
    help: Annotated[str, Meta(max_length=200)]
    capabilities: Annotated[list[Permitted], Meta(max_length=MAX_PERMISSIONS)] = []
    min_size: tuple[int, int] = (20, 4)
    refresh_hz: Annotated[float, Meta(gt=0, le=60)] = 2.0
    options: dict[Id, OptionSpec] = {}


class PackManifest(Declarations, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pack. protocol: the API version of the SDK it was written for. declarations: TOML files
    beside pack.toml that hold more of the tables of `Declarations`."""

    id: Id
    version: Annotated[str, Meta(max_length=40)]
    protocol: int
    title: Label
    description: Annotated[str, Meta(max_length=400)] = ""
    panels: Annotated[list[PanelManifest], Meta(min_length=1, max_length=64)] = msgspec.field(
        default_factory=list
    )
    declarations: Annotated[list[Relative], Meta(max_length=16)] = msgspec.field(
        default_factory=list
    )

    def panel(self, panel_id: str) -> PanelManifest | None:
        """The panel of that id, or None."""
        return next((p for p in self.panels if p.id == panel_id), None)


def parse_manifest(raw: bytes) -> PackManifest:
    """Read a pack.toml. Raises ManifestError."""
    if len(raw) > MAX_MANIFEST:
        raise ManifestError(f"pack.toml is larger than {MAX_MANIFEST} bytes")
    try:
        manifest = msgspec.convert(_tables(raw), PackManifest)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ManifestError((str(error).splitlines() or ["not TOML"])[0][:300]) from None
    if manifest.protocol > API:
        raise ManifestError(
            f"`protocol = {manifest.protocol}` is newer than this host's {API}: "
            "update nanochat-cli, or install an older version of the pack"
        )
    if manifest.protocol not in API_SUPPORTED:
        raise ManifestError(
            f"`protocol = {manifest.protocol}` is no longer served (this host serves "
            f"{', '.join(map(str, API_SUPPORTED))}): install a newer version of the pack"
        )
    if manifest.id in RESERVED:
        raise ManifestError(f"`{manifest.id}` is reserved; choose another id")
    _check_lines(manifest)
    _check_panels(manifest)
    if not manifest.declarations:  # else they are checked together
        check_declarations(manifest.id, manifest)
    return manifest


def read_manifest(path: Path) -> PackManifest:
    """The manifest in this file: a regular one, never through a link. Raises ManifestError."""
    return parse_manifest(_read(path, MAX_MANIFEST))


def read_declarations(manifest: PackManifest, folder: Path) -> Declarations:
    """All that the pack in `folder` declares, with the files its manifest names. Raises
    ManifestError that begins with the file."""
    parts: list[Declarations] = [manifest]
    for name in manifest.declarations:
        raw = _read(folder / name, MAX_DECLARATIONS)
        try:
            parts.append(msgspec.convert(_tables(raw), Declarations))
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            said = (str(error).splitlines() or ["not TOML"])[0][:300]
            raise ManifestError(f"{name}: {said}") from None
    found = merged(parts)
    check_declarations(manifest.id, found)
    return found


def _tables(raw: bytes) -> dict[str, Any]:
    """Raises ValueError, RecursionError. A key of thousands of parts takes the parser long. No text
    may hide or turn around what a person reads before agreeing to a pack; spaces of any width may
    stand in it."""
    if any(len(line) > MAX_LINE for line in raw.splitlines()):
        raise ValueError(f"a line is longer than {MAX_LINE} bytes")
    tables = tomllib.loads(raw.decode())
    for text in _texts(tables):
        for char in text:
            if not (char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"):
                raise ValueError(f"{text[:40]!a} holds U+{ord(char):04X}, which cannot be shown")
    return tables


def _texts(value: Any) -> Iterator[str]:
    """Every key and every text in tables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _texts(part)


def _read(path: Path, limit: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ManifestError(f"{path.name}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ManifestError(f"{path.name}: not a regular file")
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ManifestError(f"{path.name} is larger than {limit} bytes")
    return raw


def option_errors(specs: Mapping[str, OptionSpec], given: Mapping[str, Any]) -> list[OptionError]:
    """Everything wrong with the options given for a panel, in the order given."""
    return list(_option_errors(specs, given))


def resolve_options(specs: Mapping[str, OptionSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the panel gets them: those given, and defaults for the rest. Raises OptionError
    for the first that is wrong."""
    for error in _option_errors(specs, given):
        raise error
    return {key: _as_type(spec, given.get(key, spec.default)) for key, spec in specs.items()}


def _option_errors(
    specs: Mapping[str, OptionSpec], given: Mapping[str, Any]
) -> Iterator[OptionError]:
    for key, value in given.items():
        spec = specs.get(key)
        if spec is None:
            near = difflib.get_close_matches(str(key), list(specs), n=1)
            yield OptionError(str(key), "is not an option of this panel", near[0] if near else "")
        elif wrong := _wrong(spec, value):
            choices = [str(choice) for choice in spec.choices or ()]
            near = difflib.get_close_matches(str(value), choices, n=1)
            yield OptionError(key, wrong, near[0] if near else "")


def _as_type(spec: OptionSpec, value: Any) -> Any:
    return float(value) if spec.type == "float" else value


def _wrong(spec: OptionSpec, value: Any) -> str:
    """Why the value does not fit, or ""."""
    if not _has_type(spec.type, value):
        return f"must be {_TYPE_WORDS[spec.type]}, not {value!r:.60}"
    if spec.choices is not None and value not in spec.choices:
        return f"must be one of {', '.join(map(str, spec.choices))}, not {value!r:.60}"
    if spec.min is not None and value < spec.min:
        return f"must be at least {spec.min:g}, not {value:g}"
    if spec.max is not None and value > spec.max:
        return f"must be at most {spec.max:g}, not {value:g}"
    return ""


_TYPE_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a finite number",
    "bool": "true or false",
    "metric": "the name of a metric",
    "metrics": "a list of names of metrics",
}


def _has_type(kind: str, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if kind == "float":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and abs(value) <= 1e300
    if kind == "str":
        return isinstance(value, str) and len(value) <= MAX_TEXT
    if kind == "metric":
        return isinstance(value, str) and len(value) <= 200
    return (
        isinstance(value, list) and len(value) <= 64 and all(_has_type("metric", v) for v in value)
    )


def _check_lines(manifest: PackManifest) -> None:
    """What is shown in one line has no more."""
    lines = [("version", manifest.version), ("title", manifest.title)]
    lines += [(f"title of panel `{panel.id}`", panel.title) for panel in manifest.panels]
    for name, text in lines:
        if "\n" in text or "\t" in text:
            raise ManifestError(f"`{name}` is more than one line")


def _check_panels(manifest: PackManifest) -> None:
    """Ids are unique, and every default is a value its own option accepts."""
    seen: set[str] = set()
    for panel in manifest.panels:
        if panel.id in seen:
            raise ManifestError(f"panel `{panel.id}` is declared twice")
        seen.add(panel.id)
        for text in panel.capabilities:
            try:
                parse_permission(text)
            except ManifestError as error:
                raise ManifestError(f"panel `{panel.id}`: {error}") from None
        for key, spec in panel.options.items():
            if wrong := _lie(spec):
                raise ManifestError(f"panel `{panel.id}`: option `{key}`: {wrong}")
            if wrong := _wrong(spec, spec.default):
                raise ManifestError(f"panel `{panel.id}`: the default of option `{key}` {wrong}")


def _lie(spec: OptionSpec) -> str:
    """How the option's own limits contradict each other, or ""."""
    limits = [limit for limit in (spec.min, spec.max) if limit is not None]
    if limits and spec.type not in ("int", "float"):
        return "min and max need a number"
    if not all(_has_type("float", limit) for limit in limits):
        return "min and max must be finite"
    if len(limits) == 2 and limits[0] > limits[1]:
        return f"min {limits[0]:g} is more than max {limits[1]:g}"
    if spec.choices is None:
        return ""
    if not 0 < len(spec.choices) <= MAX_CHOICES:
        return f"{len(spec.choices)} choices, and 1 to {MAX_CHOICES} are allowed"
    return next((f"a choice {wrong}" for one in spec.choices if (wrong := _wrong(spec, one))), "")
