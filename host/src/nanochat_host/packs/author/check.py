"""`pack test`: every panel drawn in its sandbox, against pictures kept as text and hostile data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanochat_sdk.data import Data, Needs
from nanochat_sdk.hostile import hostile_data
from nanochat_sdk.manifest import PanelManifest
from nanochat_sdk.payload import Payload

from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.packs.offline import PATIENT, PanelFailedError, Stage, render_once
from nanochat_host.packs.session import Deadlines
from nanochat_host.paths import atomic_write

SIZES = ((40, 10), (80, 20), (160, 45))
"""Cells of a panel on a small, a usual and a large terminal."""
HOSTILE_SIZES = ((1, 1), (39, 9), (200, 60))
AS_ON_SCREEN = Deadlines(start_s=PATIENT.start_s, load_s=PATIENT.load_s)
"""A frame has the time it has on a screen; a busy machine may take longer to start a worker."""
MAX_FAILURES = 5
"""A panel that fails more often is not asked further."""

Draw = Callable[[Payload, int, int], list[str]]
Query = Callable[[PanelEntry, Needs], Data]


@dataclass
class PanelReport:
    """What became of one panel. drawn: sizes at which it is what the kept picture shows. written:
    pictures that are new. wrong: one line for each thing, with what to do."""

    panel: str
    drawn: int = 0
    written: list[str] = field(default_factory=list)
    hostile_frames: int = 0
    wrong: list[str] = field(default_factory=list)


def check_panel(entry: PanelEntry, query: Query, draw: Draw, *, update: bool) -> PanelReport:
    """Draw a panel at all sizes and feed it hostile data, in its own worker. query: answers its
    needs from recorded events. draw: a payload as lines of text. update: keep what it draws now."""
    report = PanelReport(entry.name)
    for width, height in sizes_of(entry.panel):
        try:
            payload = render_once(entry, {}, lambda n: query(entry, n), width, height, AS_ON_SCREEN)
        except PanelFailedError as error:
            report.wrong.append(f"{width}x{height}: {error.message}\n{error.traceback}".rstrip())
            continue
        _compare(entry, draw(payload, width, height), f"{width}x{height}", report, update)
    asyncio.run(_feed_hostile(entry, report))
    return report


def sizes_of(panel: PanelManifest) -> list[tuple[int, int]]:
    """`SIZES` at which the panel is shown, or the least one it wants."""
    least = panel.min_size
    return [s for s in SIZES if s[0] >= least[0] and s[1] >= least[1]] or [least]


def golden_file(entry: PanelEntry, size: str) -> Path:
    """Where the picture of that size is kept, in the pack."""
    return entry.folder / "golden" / f"{entry.panel.id}-{size}.txt"


def _compare(
    entry: PanelEntry, lines: list[str], size: str, report: PanelReport, update: bool
) -> None:
    kept = golden_file(entry, size)
    text = "\n".join(lines) + "\n"
    try:
        before = kept.read_text("utf-8")
    except FileNotFoundError:
        before = ""
    if before == text:
        report.drawn += 1
    elif update or not before:
        kept.parent.mkdir(exist_ok=True)
        atomic_write(kept, text)
        report.written.append(kept.name)
    else:
        report.wrong.append(f"{size}: {_difference(before, lines)}; --update keeps the new picture")


def _difference(before: str, lines: list[str]) -> str:
    old = before.splitlines()
    for number, (was, now) in enumerate(zip(old, lines, strict=False), 1):
        if was != now:
            return f"line {number} was `{was.strip()[:60]}` and is `{now.strip()[:60]}`"
    return f"had {len(old)} lines and has {len(lines)}"


async def _feed_hostile(entry: PanelEntry, report: PanelReport) -> None:
    """Each odd answer at several sizes; a panel that raises is started again for the next one."""
    async with Stage(entry, {}, AS_ON_SCREEN) as stage:
        try:
            await stage.loaded()
        except PanelFailedError:
            return  # said already, at every size
        needs = stage.panel.needs
        for case, data in _cases(needs):
            for width, height in HOSTILE_SIZES:
                try:
                    await stage.frame(data, width, height)
                    report.hostile_frames += 1
                except PanelFailedError as error:
                    last = (error.traceback.strip().splitlines() or [""])[-1]
                    report.wrong.append(f"{case} at {width}x{height}: {error.message}  {last}")
                    if len(report.wrong) >= MAX_FAILURES:
                        return
                    stage.panel.restart()
                    await stage.loaded()
                    break


def _cases(needs: Needs) -> Iterator[tuple[str, Any]]:
    yield "before any data", None
    yield from hostile_data(needs)
