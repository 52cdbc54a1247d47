"""Checkpoints the run has saved, and a key that asks for another."""

from __future__ import annotations

from nanochat_sdk import (
    Capability,
    Child,
    Column,
    Event,
    Input,
    KeyHelp,
    Needs,
    Payload,
    Size,
    Span,
    Stack,
    Table,
    Text,
)
from nanochat_sdk import format as fmt

from nanochat_panels.base import ACTIVE, DataPanel, empty


class Checkpoints(DataPanel):
    """Newest first; the chosen one's files below."""

    keys = (KeyHelp("c", "save now"),)
    selected = -1

    def needs(self, size: Size) -> Needs:
        return Needs(events=("checkpoint",), max_events=self.options.history)

    def on_input(self, event: Input) -> bool:
        if event.kind == "key" and event.key == "c":
            run = self.data.run
            if run is not None and run.state in ACTIVE:
                self.request("save")
            return False
        if event.kind in ("select", "activate"):
            self.selected = event.row
            return True
        return False

    def render(self, size: Size) -> Payload:
        saved = [event for event in self.data.events if event.kind == "checkpoint"][::-1]
        self.status = ""
        if not saved:
            hint = "they come at the steps save_every sets; press c to save one now"
            return empty(self.data, "checkpoints", hint, Capability.EVENTS)
        total = sum(_bytes(event) for event in saved)
        self.status = f"{len(saved)} saved, {fmt.size(total)}"
        self.selected = self.selected if 0 <= self.selected < len(saved) else -1
        table = Table(
            columns=_COLUMNS,
            rows=[self._row(event) for event in saved[:500]],
            selected=self.selected if self.selected < 500 else -1,
        )
        if self.selected < 0 or size.height < 8:
            return table
        files = _files(saved[self.selected])
        detail: list[list[Span]] = [
            [(fmt.fit(fmt.plain(name, 200), 32), "muted"), (fmt.size(value), "")]
            for name, value in list(files.items())[: max(size.height // 3, 1)]
        ]
        return Stack(children=[Child(table), Child(Text(lines=detail), size=len(detail) or 1)])

    def _row(self, event: Event) -> list[Span]:
        found = event.fields
        failed = found.get("ok") is False
        folder = fmt.plain(found.get("dir") or "", 300).rstrip("/")
        tag = fmt.plain(found.get("tag") or "", 100) or folder.rpartition("/")[2]
        seconds = fmt.as_float(found.get("secs"))
        return [
            (fmt.integer(event.step) if event.step is not None else fmt.UNKNOWN, "bold"),
            (tag or fmt.UNKNOWN, ""),
            ("failed" if failed else fmt.size(_bytes(event)), "error" if failed else ""),
            (str(len(_files(event))), "muted"),
            (fmt.latency(seconds) if seconds is not None else fmt.UNKNOWN, "muted"),
            (fmt.age(self.data.now, event.ts), "muted"),
        ]


_COLUMNS = [
    Column("step", "right", 9, keep=9),
    Column("tag", keep=6),
    Column("size", "right", 9, keep=8),
    Column("files", "right", 5, keep=2),
    Column("saved in", "right", 9, keep=3),
    Column("age", "right", 9, keep=7),
]


def _files(event: Event) -> dict[str, object]:
    files = event.fields.get("files")
    return {str(name): value for name, value in files.items()} if isinstance(files, dict) else {}


def _bytes(event: Event) -> float:
    return sum(fmt.as_float(value) or 0.0 for value in _files(event).values())
