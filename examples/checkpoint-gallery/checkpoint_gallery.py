"""Checkpoints with the loss they were saved at; `c` asks the person to save another."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from nanochat_sdk import (
    Column,
    Data,
    Event,
    Input,
    KeyHelp,
    Needs,
    Panel,
    Payload,
    SeriesQuery,
    Size,
    Span,
    Table,
    notice,
    unpack,
)
from nanochat_sdk import format as fmt

ACTIVE = ("running", "paused")
COLUMNS = [
    Column("", "left", 1, keep=9),
    Column("step", "right", 9, keep=9),
    Column("loss", "right", 9, keep=8),
    Column("above the best", "right", 15, keep=5),
    Column("size", "right", 9, keep=6),
    Column("age", "right", 9, keep=4),
]


class CheckpointGallery(Panel):
    """It may read, and ask: the host puts the question to the person, and the core saves."""

    keys = (KeyHelp("c", "save one now"), KeyHelp("b", "to the best"))

    def __init__(self, options: dict[str, object] | None = None) -> None:
        super().__init__(options)
        self._data = Data()
        self._steps: Sequence[float] = ()
        self._losses: Sequence[float] = ()
        self._selected = 0

    def needs(self, size: Size) -> Needs:
        losses = SeriesQuery(self.options.metric, columns=2048)
        return Needs(series=(losses,), events=("checkpoint",), max_events=200)

    def update(self, data: Data) -> bool:
        self._data = data
        series = data.series.get(self.options.metric)
        self._steps = unpack(series.x) if series else ()
        self._losses = unpack(series.mean) if series else ()
        return True

    def on_input(self, event: Input) -> bool:
        if event.kind == "key" and event.key == "c":
            run = self._data.run
            if run is not None and run.state in ACTIVE:
                self.request("save")
        elif event.kind == "key" and event.key == "b":
            losses = [self._loss(saved) for saved in self._saved()]
            if finite := [loss for loss in losses if math.isfinite(loss)]:
                self._selected = losses.index(min(finite))
        elif event.kind in ("select", "activate"):
            self._selected = event.row
        return True

    def render(self, size: Size) -> Payload:
        if "events:read" in self._data.denied:
            return notice("not allowed to see checkpoints", "grant it in the packs screen")
        saved = self._saved()
        if not saved:
            return notice("no checkpoint yet", "c asks for one")
        losses = [self._loss(event) for event in saved]
        finite = [loss for loss in losses if math.isfinite(loss)]
        best = min(finite) if finite else math.nan
        self._selected = min(max(self._selected, 0), len(saved) - 1)
        rows = [self._row(event, loss, best) for event, loss in zip(saved, losses, strict=True)]
        return Table(columns=COLUMNS, rows=rows, selected=self._selected)

    def _saved(self) -> list[Event]:
        """Newest first; those that failed have no place in a gallery."""
        newest = self._data.events[::-1]
        return [e for e in newest if isinstance(e.step, int) and e.fields.get("ok", True)]

    def _loss(self, event: Event) -> float:
        """The last evaluation at or before its step."""
        index = bisect_right(self._steps, event.step or 0) - 1
        return self._losses[index] if 0 <= index < len(self._losses) else math.nan

    def _row(self, event: Event, loss: float, best: float) -> list[Span]:
        is_best = loss == best
        style = "success" if is_best else ""
        files = event.fields.get("files")
        sizes = files.values() if isinstance(files, dict) else ()
        weight = sum(fmt.as_float(value) or 0.0 for value in sizes)
        more = loss - best
        return [
            ("★" if is_best else "", "accent"),
            (fmt.integer(event.step or 0), "bold"),
            (fmt.number(loss) if math.isfinite(loss) else fmt.UNKNOWN, style),
            (f"+{fmt.number(more)}" if more > 0 else "", "muted"),
            (fmt.size(weight) if weight else fmt.UNKNOWN, ""),
            (fmt.age(self._data.now, event.ts), "muted"),
        ]
