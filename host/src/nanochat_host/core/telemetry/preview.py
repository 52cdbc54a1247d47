"""A first picture of an events file too long to read at once: lines sampled across all of it."""

from __future__ import annotations

import os
from pathlib import Path

from nanochat_host.core.telemetry.decode import Block, decode
from nanochat_host.core.telemetry.facts import TelemetryFacts, fold_event
from nanochat_host.core.telemetry.store import Store

SAMPLES = 1500
HEAD_BYTES = 256 * 1024
_WINDOW = 16 * 1024


def preview(path: Path, size: int, *, rev: int) -> tuple[Store, TelemetryFacts]:
    """Columns and facts from the file's head, from one line in each of `SAMPLES` equal strata, and
    from its end. Costs the same for every size. Raises OSError."""
    store, facts = Store(), TelemetryFacts()
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _take(os.pread(fd, HEAD_BYTES, 0), store, facts, rev)
        stride = max(1, (size - HEAD_BYTES) // SAMPLES)
        lines = []
        for offset in range(HEAD_BYTES, size - _WINDOW, stride):
            window = os.pread(fd, _WINDOW if stride > _WINDOW else stride, offset)
            start = window.find(b"\n") + 1
            end = window.find(b"\n", start) + 1
            if start and end:
                lines.append(window[start:end])
        _take(b"".join(lines), store, facts, rev)
        tail = os.pread(fd, _WINDOW, max(0, size - _WINDOW))
        _take(tail[tail.find(b"\n") + 1 :], store, facts, rev)
    finally:
        os.close(fd)
    return store, facts


def _take(chunk: bytes, store: Store, facts: TelemetryFacts, rev: int) -> None:
    for item in decode(chunk[: chunk.rfind(b"\n") + 1]).items:
        if isinstance(item, Block):
            store.append(item, rev=rev)
            facts.step = int(store.step)
        else:
            if item.fields.get("what") == "stage":
                store.stage += 1
            fold_event(facts, item)
