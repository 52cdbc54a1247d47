"""The index of a run's telemetry folder: what its files hold and where reading stands."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
from nanochat_sdk.data import Event

from nanochat_host.core.telemetry.facts import TelemetryFacts
from nanochat_host.core.telemetry.records import StoreDamagedError
from nanochat_host.core.telemetry.store import StoreIndex
from nanochat_host.core.telemetry.tail import Mark

VERSION = 1
FILE = "index.bin"


class RunIndex(msgspec.Struct):
    """Everything of a run's telemetry that is not in the column files.

    log_lines, log_offsets, log_numbers: the log's line index. log_step, log_steps: where its
    parser stands. revs are not kept: they begin anew with each process.
    """

    version: int
    store: StoreIndex
    events: Mark
    log: Mark
    facts: TelemetryFacts
    history: list[Event]
    log_lines: int = 0
    log_offsets: list[int] = []
    log_numbers: list[int] = []
    log_step: int = -1
    log_steps: int = 0
    log_clock: float = 0.0
    settled: bool = False
    mappings: str = ""
    """Signature of what packs had declared when it was read."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RunIndex)


def encode(index: RunIndex) -> bytes:
    """The file's bytes: four of checksum, then msgpack."""
    body = _encoder.encode(index)
    return zlib.crc32(body).to_bytes(4, "big") + body


def read(folder: Path) -> RunIndex | None:
    """The index in `folder`, None if there is none. Raises StoreDamagedError, OSError."""
    try:
        raw = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    if zlib.crc32(raw[4:]).to_bytes(4, "big") != raw[:4]:
        raise StoreDamagedError(f"{folder / FILE} does not match its checksum")
    try:
        index = _decoder.decode(raw[4:])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreDamagedError(f"{folder / FILE}: {error}") from None
    if index.version != VERSION:
        raise StoreDamagedError(f"{folder / FILE} was written by another version")
    return index
