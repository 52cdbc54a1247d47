"""What a person hands over to be installed: a folder, a wheel or a zip, as files with names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from nanochat_sdk.manifest import MANIFEST

from nanochat_host.packs.install.folder_reader import read_folder
from nanochat_host.packs.install.limits import OF_PACK, Limits, RefusedPackError
from nanochat_host.packs.install.member import Member
from nanochat_host.packs.install.names import Names, left_out
from nanochat_host.packs.install.zip_reader import ZipReader

_INIT = "__init__.py"
_KINDS = "a pack comes as a folder, a wheel (.whl) or a zip"
_DATA = ".data"
_INTO_LIBRARY = ("purelib", "platlib")


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[list[Member]]:
    """The checked files of a wheel or zip. Raises RefusedPackError, and OSError for the file."""
    path.stat()  # a path that leads nowhere is told as that, whatever it ends in
    if path.suffix.lower() not in (".whl", ".zip"):
        why = "a source distribution runs code when it is built" if _is_sdist(path) else _KINDS
        raise RefusedPackError(f"{path}: it is neither a wheel nor a zip", why)
    reader = ZipReader(path, limits)
    try:
        is_wheel = path.suffix.lower() == ".whl"
        yield _of_wheel(path, reader.members) if is_wheel else reader.members
    finally:
        reader.close()


@contextmanager
def open_pack(path: Path) -> Iterator[tuple[list[Member], str]]:
    """The files of a pack as they are to lie below one folder, and where in that its pack.toml
    lies: "" or the name of the package it is in. Raises RefusedPackError."""
    with ExitStack() as stack:
        try:
            if path.is_dir():
                found = _of_folder(path, read_folder(path, OF_PACK))
            else:
                members = stack.enter_context(open_archive(path, OF_PACK))
                wanted = [member for member in members if not left_out(member.name)]
                is_wheel = path.suffix.lower() == ".whl"
                found = _of_wheel_pack(path, wanted) if is_wheel else _of_zip(path, wanted)
        except OSError as error:
            raise RefusedPackError(f"{path}: {error.strerror or error}", _KINDS) from None
        yield found


def _of_folder(path: Path, members: list[Member]) -> tuple[list[Member], str]:
    names = {member.name for member in members}
    if MANIFEST not in names:
        inside = sorted(name for name in names if name.endswith(f"/{MANIFEST}"))
        hint = f"did you mean {path / Path(inside[0]).parent}?" if inside else _KINDS
        raise RefusedPackError(f"{path}: there is no {MANIFEST} in it", hint)
    if _INIT not in names:
        return members, ""
    return _below(path.name or path.resolve().name, members)


def _of_zip(path: Path, members: list[Member]) -> tuple[list[Member], str]:
    """As the folder that was zipped, with or without that folder's name."""
    names = {member.name for member in members}
    tops = {name.partition("/")[0] for name in names}
    if MANIFEST in names and _INIT not in names:
        return members, ""
    if MANIFEST in names:
        raise RefusedPackError(
            f"{path}: {MANIFEST} lies beside {_INIT}, so the folder's name is the package's",
            "zip the folder itself, not what is in it",
        )
    if len(tops) != 1 or f"{(top := min(tops))}/{MANIFEST}" not in names:
        raise RefusedPackError(
            f"{path}: there is no {MANIFEST} in it, or in its one folder", _KINDS
        )
    inner = [member.moved(member.name.removeprefix(f"{top}/")) for member in members]
    return _below(top, inner) if f"{top}/{_INIT}" in names else (inner, "")


def _of_wheel_pack(path: Path, members: list[Member]) -> tuple[list[Member], str]:
    places = [
        PurePosixPath(member.name).parent
        for member in members
        if PurePosixPath(member.name).name == MANIFEST and member.name.count("/") <= 1
    ]
    if len(places) != 1:
        what = f"{len(places)} files {MANIFEST}" if places else f"no {MANIFEST}"
        raise RefusedPackError(
            f"{path}: there is {what} in it", "put one beside the panels' modules"
        )
    place = str(places[0])
    if place != "." and not place.isidentifier():
        raise RefusedPackError(f"{path}: `{place}` cannot be the name of a package")
    return members, "" if place == "." else place


def _of_wheel(path: Path, members: Sequence[Member]) -> list[Member]:
    """As pip would lay it out, but that nothing goes anywhere else: no script, header or data."""
    out = []
    for member in members:
        parts = member.name.split("/")
        if parts[0].endswith(_DATA):
            if len(parts) < 3 or parts[1] not in _INTO_LIBRARY:
                raise RefusedPackError(
                    f"{path.name}: `{member.name}` belongs outside of the pack",
                    "a pack has no scripts, headers or data elsewhere",
                )
            member = member.moved("/".join(parts[2:]))
        out.append(member)
    names = Names()
    for member in out:
        if why := names.add(member.name):
            what = f"`{member.name}`, with what its .data folder holds, {why}"
            raise RefusedPackError(f"{path.name}: {what}")
    return out


def _below(package: str, members: Sequence[Member]) -> tuple[list[Member], str]:
    if not package.isidentifier() or not package.isascii():
        raise RefusedPackError(
            f"`{package}` cannot be the name of a package, and {_INIT} lies beside {MANIFEST}",
            f"rename the folder, or remove {_INIT}",
        )
    return [member.moved(f"{package}/{member.name}") for member in members], package


def _is_sdist(path: Path) -> bool:
    return os.fspath(path).lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar"))
