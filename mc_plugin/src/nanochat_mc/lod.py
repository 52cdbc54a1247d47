"""The working context as a strip: which part of the history is held at which level of detail."""

from __future__ import annotations

from typing import Any

from nanochat_sdk import Data, Event, Input, KeyHelp, Needs, Payload, Size, Text
from nanochat_sdk import format as fmt

from nanochat_mc import lod_lines, strip
from nanochat_mc.base import McPanel, caption, whole_option
from nanochat_mc.context import Context, of_row, of_span
from nanochat_mc.states import Source, absent

SNAPSHOT, LOGGED = "working_context_snapshot", "lod_ascii"
KEPT = 64
LATEST_S = 1e11
SOURCE = Source(
    "working contexts", inference=True, spans=True,
    proof=("mc/swap_per_entry", "mc/utilization"),
)  # fmt: skip
ROWS = Source("rows of levels", timers=False, flag="mc_log_lod_ascii_train", proof=("mc/total_ms",))


class Lod(McPanel):
    """The newest context in as many lines as it takes, then earlier ones a line each."""

    keys = (
        KeyHelp("s", "spans or log"),
        KeyHelp("+", "nearer the end"),
        KeyHelp("-", "more history"),
    )

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        self._use_log = self.options.source == "log"
        self._halvings = 0
        self.forget()

    def forget(self) -> None:
        self._read: dict[float, Context] = {}
        self._logged: list[Context] = []

    def needs(self, size: Size) -> Needs:
        return self.wants(spans=(SNAPSHOT, LOGGED), max_events=8)

    def update(self, data: Data) -> bool:
        super().update(data)
        for event in data.events:
            if event.fields.get("name") == LOGGED:
                self._logged = self._rows(event)
            elif event.ts not in self._read and 0 < event.ts < LATEST_S:
                self._take(event)
        return True

    def on_input(self, event: Input) -> bool:
        if event.key == "s":
            self._use_log = not self._use_log
        elif event.key == "+":
            self._halvings = min(self._halvings + 1, 12)
        else:
            self._halvings = max(self._halvings - 1, 0)
        return True

    def render(self, size: Size) -> Payload:
        shown = self._shown()
        self.date(shown[0].ts if shown else 0.0)
        if not shown:
            return absent(self.data, ROWS if self._use_log else SOURCE)
        newest, width = shown[0], max(size.width, 1)
        has_legend = size.height >= 3
        room = max(size.height - 1 - has_legend, 1)
        start = self._start(newest)
        part = (newest.total - start) / max(newest.total, 1)
        rows = min(max(-(-int(newest.natural * part) // width), 1), max(room * 2 // 3, 1))
        line = strip.cells(newest, start, newest.total, rows * width)
        figures = lod_lines.figures(newest, self.data)
        if self._halvings:
            figures.insert(1, [(f"last 1/{2**self._halvings}", "accent")])
        lines = [caption(figures, width)]
        lines += [strip.spans(line[at : at + width]) for at in range(0, len(line), width)]
        if has_legend:
            lines.append(caption(lod_lines.legend(newest, line), width))
        if newest.entries and size.height - len(lines) >= 2 + len(newest.entries):
            lines += [[], *lod_lines.shares(newest, width)]
        room = size.height - len(lines)
        if len(shown) > 1 and room >= 3:
            lines += [[], [(("others" if newest.blocks else "before"), "muted")]]
            others = shown[1 : room - 1]
            lines += lod_lines.small(others, [self._start(other) for other in others], width)
        return Text(lines=lines[: max(size.height, 1)])

    # -- contexts ---------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        recent = whole_option(self.data, "allocator_recent_tokens")
        context = of_span(event, whole_option(self.data, "block_size"), recent)
        if context is not None:
            self._read[event.ts] = context
        if len(self._read) > KEPT:
            del self._read[min(self._read)]

    def _rows(self, event: Event) -> list[Context]:
        """Contexts of a logged block: one a sample and variant."""
        label = "log" if event.step is None else f"step {fmt.integer(event.step)}"
        label = fmt.cut(fmt.plain(event.fields.get("label") or label), 24)
        block = whole_option(self.data, "block_size")
        rows = event.fields.get("rows")
        out: list[Context] = []
        for row in rows[:KEPT] if isinstance(rows, list) else ():
            if isinstance(row, dict) and isinstance(row.get("row"), str):
                found = of_row(row["row"], row.get("wc"), label, _who(row), block, event.ts)
                out += [found] if found else []
        return out

    def _shown(self) -> list[Context]:
        """What to draw, newest first: spans; logged rows where there are none, where the person
        asked for them, or where spans hold full detail alone and the rows do not."""
        read = [self._read[ts] for ts in sorted(self._read, reverse=True)]
        # The baseline comes first and leaves out what the variants compress: those say more.
        rows = sorted(self._logged, key=lambda context: not context.compressed)
        if self._use_log or not read:
            return rows
        return rows if rows and rows[0].compressed and not read[0].compressed else read

    def _start(self, context: Context) -> int:
        """Where the window begins: all of it, or the end, halved as often as asked."""
        window = context.total
        asked = self.options.window
        if asked and context.unit:
            window = min(window, max(asked // context.unit, 1))
        return context.total - max(window >> self._halvings, 1)


def _who(row: dict[str, Any]) -> str:
    """Sample, variant and source of a logged row."""
    numbers = [f"{key[0]}{row[key]}" for key in ("sample", "variant") if key in row]
    source = str(row.get("source", "")).replace("_variant_", " ").replace("_", " ")
    return fmt.cut(fmt.plain(" ".join([*numbers, source]).strip(), 200), 40)
