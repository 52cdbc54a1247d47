"""A file on its way into the store, wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from nanochat_host.packs.install.limits import RefusedPackError

Chunks: TypeAlias = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Member:
    """name: checked, with slashes. size: bytes. chunks: reads it, and raises RefusedPackError when
    it is not what was announced."""

    name: str
    size: int
    chunks: Chunks

    def moved(self, name: str) -> Member:
        """The same content under another name."""
        return replace(self, name=name)


def write_members(members: Sequence[Member], folder: Path) -> None:
    """Write files into a folder that is new. Raises RefusedPackError and OSError."""
    for parent in sorted({str(Path(member.name).parent) for member in members}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for member in members:
        written = 0
        with open(folder / member.name, "xb") as file:  # noqa: PTH123 - never over another file
            for chunk in member.chunks():
                written += len(chunk)
                if written > member.size:
                    break
                file.write(chunk)
        if written != member.size:
            raise RefusedPackError(f"`{member.name}` is not as large as it says")


def read_member(members: Iterable[Member], name: str, most_bytes: int) -> bytes | None:
    """The content of one, None when it is not there. Raises RefusedPackError."""
    for member in members:
        if member.name == name:
            if member.size > most_bytes:
                raise RefusedPackError(f"`{name}` is larger than {most_bytes} bytes")
            return b"".join(member.chunks())
    return None
