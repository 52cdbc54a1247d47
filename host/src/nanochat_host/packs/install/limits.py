"""How much a pack may be. What is larger is refused before it is unpacked."""

from __future__ import annotations

from dataclasses import dataclass

from nanochat_host.errors import NanochatCliError

MIB = 1 << 20


class RefusedPackError(NanochatCliError):
    """A pack, or a wheel it depends on, is not installed: the message names file and reason."""

    code, exit_code, status = "pack_refused", 2, 422


class MissingLibrariesError(RefusedPackError):
    """It would do with some wheels more."""

    code = "libraries_missing"


@dataclass(frozen=True)
class Limits:
    """files: entries, folders counted. one_bytes, total_bytes: unpacked. archive_bytes: packed.
    ratio: unpacked to packed of a file above 1 MiB."""

    files: int
    one_bytes: int
    total_bytes: int
    archive_bytes: int
    ratio: int = 200


OF_PACK = Limits(2000, 16 * MIB, 64 * MIB, 64 * MIB)
OF_LIBRARY = Limits(6000, 96 * MIB, 256 * MIB, 128 * MIB)
"""Other people's libraries may hold compiled code, which is large: numpy has a file of 25 MiB."""
MAX_LIBRARIES = 64
ALL_LIBRARIES_BYTES = 512 * MIB
