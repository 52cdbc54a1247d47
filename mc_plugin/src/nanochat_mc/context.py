"""A working context as runs of one level of detail, from snapshots or from logged rows."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from nanochat_sdk import Event
from nanochat_sdk import format as fmt

CUT = "[cut]"
"""What the receiver puts in the place of the rest of a long attribute."""
OUT = -1
"""Level of what is not in the working context."""
MAX_LEVEL = 8
MAX_ENTRIES = 65_536
MAX_BLOCKS = 65_536


class Run(NamedTuple):
    """Neighbours of one level. start, stop: in tokens (of a logged row: in blocks)."""

    start: int
    stop: int
    level: int


class Context(NamedTuple):
    """One working context. label: when it was; name: which of several at that time.

    runs: ascending, without gaps (`OUT` fills them). length: entries; entries: by level, empty if
    not known. total: where the history ends. block: tokens a level-1 entry stands for, 0 unknown.
    tail: where the protected recent tokens begin, `total` if unknown. blocks: runs, total and tail
    count blocks, not tokens. partial: a prefix was all that came.
    """

    ts: float
    label: str
    name: str
    runs: tuple[Run, ...]
    length: int
    entries: dict[int, int]
    total: int
    block: int
    tail: int
    blocks: bool = False
    partial: bool = False

    @property
    def natural(self) -> int:
        """Blocks in the history: the cells it takes at one a block."""
        return self.total if self.blocks else -(-self.total // (self.block or 32))

    @property
    def unit(self) -> int:
        """Tokens in one of what `total` counts, 0 unknown."""
        return self.block if self.blocks else 1

    @property
    def compressed(self) -> bool:
        """Whether any of it is held in less than full detail."""
        return any(run.level > 0 for run in self.runs)

    def share(self, level: int) -> float:
        """Part of the history at this level."""
        held = sum(run.stop - run.start for run in self.runs if run.level == level)
        return held / self.total if self.total else 0.0


def of_span(event: Event, block: int, recent: int) -> Context | None:
    """The context of a `working_context_snapshot`, None if it cannot be read. block: tokens a gist
    stands for by the run's options, for a snapshot that does not tell; recent: protected tokens."""
    lods, cut = _numbers(event.fields.get("mc.lods"))
    positions, cut_too = _numbers(event.fields.get("mc.positions"))
    count = min(len(lods), len(positions))
    if not count or any(a >= b for a, b in itertools.pairwise(positions)):
        return None
    block = _block(lods, positions, count) or block
    runs: list[Run] = []
    entries: dict[int, int] = {}
    at = min(positions[0], 0)
    for index in range(count):
        level, start = min(max(lods[index], 0), MAX_LEVEL), positions[index]
        span = max(block, 1) ** level
        stop = start + span
        if index + 1 < count:
            stop = min(stop, positions[index + 1])
        entries[level] = entries.get(level, 0) + 1
        if start > at:
            runs.append(Run(at, start, OUT))
        _extend(runs, start, stop, level)
        at = stop
    label = fmt.plain(event.fields.get("mc.tag") or "", 40).removeprefix("inference_")
    tail = max(at - recent, 0) if recent > 0 else at
    partial = cut or cut_too
    return Context(
        event.ts, label, "", tuple(runs), count, entries, at, block, tail, partial=partial
    )


def _extend(runs: list[Run], start: int, stop: int, level: int) -> None:
    if runs and runs[-1].level == level and runs[-1].stop == start:
        runs[-1] = Run(runs[-1].start, stop, level)
    else:
        runs.append(Run(start, stop, level))


def _block(lods: Sequence[int], positions: Sequence[int], count: int) -> int:
    """What a level-1 entry stands for: the distance to the entry after it, the least one seen, as
    tokens may have been left out."""
    gaps = [positions[i + 1] - positions[i] for i in range(count - 1) if lods[i] == 1]
    return min(gaps, default=0)


def _numbers(raw: object) -> tuple[list[int], bool]:
    """Whole numbers of a JSON list, which may have been cut by the receiver: its readable part,
    and whether it was cut. Nothing is raised."""
    cut = isinstance(raw, str) and raw.rstrip().endswith(CUT)
    if isinstance(raw, str):
        # The last number of a cut list may be half of one.
        text = raw.rstrip().removesuffix(CUT).rpartition(",")[0] + "]" if cut else raw
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError):
            return [], cut
    if not isinstance(raw, list):
        return [], cut
    head = raw[:MAX_ENTRIES]
    if not all(type(value) is int and abs(value) < 2**53 for value in head):
        return [], cut
    return head, cut or len(raw) > MAX_ENTRIES


_BRACKET = re.compile(r"\|( *)([═█])( *)\|")
_LEVELS = {".": 0, ",": 0, "⊙": 0, "─": 1, "═": 2, "█": 3, "X": OUT}


def of_row(
    row: str, length: object, label: str, name: str, block: int, ts: float = 0.0
) -> Context | None:
    """A row as the fork prints it, one character a block. A node of several blocks is a bracket;
    where a cut left one open, the row is not understood: None."""
    text = _BRACKET.sub(lambda m: m[2] * len(m[0]), row[:MAX_BLOCKS])
    if not text or not _LEVELS.keys() >= set(text):
        return None
    runs: list[Run] = []
    for at, char in enumerate(text):
        _extend(runs, at, at + 1, _LEVELS[char])
    total, tail = len(text), text.find("⊙")
    held = fmt.as_float(length)
    return Context(
        ts, label, name, tuple(runs), int(held or 0), {}, total, block,
        tail if tail >= 0 else total, blocks=True,
    )  # fmt: skip
