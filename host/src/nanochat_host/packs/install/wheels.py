"""Libraries a pack needs: wheels, each named with its hash in `pack.lock.toml` beside pack.toml.

A wheel that is there twice for different machines is chosen by its name. Nothing is resolved and
nothing is built: the author wrote down what the pack was tried with.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from nanochat_host.packs.install.limits import MAX_LIBRARIES, OF_LIBRARY, RefusedPackError
from nanochat_host.toml import tables

LOCK = "pack.lock.toml"
MAX_LOCK = 256 * 1024
_WHEEL = re.compile(
    r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[A-Za-z0-9_.!+]+)(-\d[^-]*)?"
    r"-(?P<python>[a-z0-9_.]+)-(?P<abi>[a-z0-9_.]+)-(?P<platform>[A-Za-z0-9_.]+)\.whl\Z"
)
_FileName = Annotated[str, Meta(max_length=200, pattern=r"^[A-Za-z0-9_.!+-]+\.whl\Z")]
_Name = Annotated[str, Meta(max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z")]


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the lock. name, version: of the library. file: its name. sha256: of it."""

    name: _Name
    version: Annotated[str, Meta(max_length=60, pattern=r"^[0-9A-Za-z.!+]+\Z")]
    file: _FileName
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class _Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    wheel: Annotated[list[Wheel], Meta(max_length=MAX_LIBRARIES * 16)] = []


def read_lock(raw: bytes | None) -> list[Wheel]:
    """The wheels this machine takes, one for each library. raw: pack.lock.toml, None without one.
    Raises RefusedPackError."""
    if raw is None:
        return []
    try:
        lock = msgspec.convert(tables(raw.decode()), _Lock)
    except (ValueError, msgspec.MsgspecError) as error:
        why = (str(error).splitlines() or ["not TOML"])[0][:200]
        raise RefusedPackError(f"{LOCK}: {why}", "see docs/packs.md, Libraries") from None
    if lock.version != 1:
        raise RefusedPackError(f"{LOCK}: version {lock.version}", "update nanochat-cli")
    chosen: dict[str, Wheel] = {}
    for wheel in lock.wheel:
        match = _WHEEL.match(wheel.file)
        if match is None or _key(match["name"]) != _key(wheel.name):
            raise RefusedPackError(f"{LOCK}: `{wheel.file}` is not a wheel of `{wheel.name}`")
        if fits(wheel.file):
            chosen.setdefault(_key(wheel.name), wheel)
    missing = {wheel.name for wheel in lock.wheel} - {wheel.name for wheel in chosen.values()}
    missing = {name for name in missing if _key(name) not in chosen}
    if missing:
        raise RefusedPackError(
            f"{LOCK}: no wheel of {', '.join(sorted(missing))} is for Python "
            f"{sys.version_info[0]}.{sys.version_info[1]} on {platform.machine()}",
            "ask the pack's author, or install with another Python",
        )
    if len(chosen) > MAX_LIBRARIES:
        raise RefusedPackError(f"{LOCK}: {len(chosen)} libraries, and {MAX_LIBRARIES} are allowed")
    return list(chosen.values())


def fits(file: str) -> bool:
    """The wheel is for this Python on this machine, as its name says."""
    match = _WHEEL.match(file)
    if match is None:
        return False
    minor = sys.version_info[1]
    pythons, abis = match["python"].split("."), match["abi"].split(".")
    return any(map(_fits_platform, match["platform"].split("."))) and any(
        (abi == "none" and python in ("py3", f"cp3{minor}", f"py3{minor}"))
        or (abi == f"cp3{minor}" and python == abi)
        or (abi == "abi3" and python.startswith("cp3") and _at_most(python[3:], minor))
        for python in pythons
        for abi in abis
    )


def find(wheels: Sequence[Wheel], folders: Iterable[Path]) -> tuple[list[Path], list[Wheel]]:
    """Files of the wheels, and those that lie in none of the folders. Raises RefusedPackError for
    a file that is not the one the author named."""
    places = [folder for folder in folders if folder.is_dir()]
    found, missing = [], []
    for wheel in wheels:
        path = next((p for place in places if (p := place / wheel.file).is_file()), None)
        if path is None:
            missing.append(wheel)
            continue
        check(path, wheel)
        found.append(path)
    return found, missing


def check(path: Path, wheel: Wheel) -> None:
    """Raises RefusedPackError when the file is not the one the lock names."""
    if path.stat().st_size > OF_LIBRARY.archive_bytes:
        raise RefusedPackError(f"{path}: it is larger than a library may be")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != wheel.sha256:
        raise RefusedPackError(
            f"{path}: it is not the file that {LOCK} names (its sha256 is {digest[:16]}…)",
            "get the file again, or ask the pack's author which one is meant",
        )


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _at_most(text: str, minor: int) -> bool:
    return text.isdigit() and int(text) <= minor


def _fits_platform(tag: str) -> bool:
    if tag == "any":
        return True
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        return tag.startswith("macosx") and tag.endswith((f"_{machine}", "_universal2"))
    return tag.startswith(("manylinux", "linux")) and tag.endswith(f"_{machine}")
