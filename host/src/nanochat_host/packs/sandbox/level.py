"""What the walls of a worker come to, judged by the host from what the worker has measured."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Level(StrEnum):
    """STRICT: nothing outside can even be named. FULL: nothing outside can be read, written or
    reached, though names and sizes of files can be probed. NONE: bounded, and not isolated."""

    STRICT = "strict"
    FULL = "full"
    NONE = "none"

    @property
    def badge(self) -> str:
        """For the panel's frame."""
        return _BADGES[self]


_BADGES = {
    Level.STRICT: "isolated",
    Level.FULL: "isolated; can probe file names",
    Level.NONE: "not isolated",
}
_OF_FULL = ("landlock", "seccomp", "capabilities", "privileges", "limits", "descriptors")
_MEASURED = ("files", "writing", "network", "signals", "processes")
_OF_STRICT = ("namespaces", "names")


def level_of(walls: Mapping[str, str]) -> Level:
    """walls: of a `protocol.Hello`. What is not said to be closed is not."""

    def closed(names: tuple[str, ...]) -> bool:
        return all(walls.get(name) == "closed" for name in names)

    if not closed(_OF_FULL + _MEASURED):
        return Level.NONE
    return Level.STRICT if closed(_OF_STRICT) else Level.FULL
