"""The tail of what the trainer prints, searched and filtered."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from nanochat_sdk import (
    Capability,
    Input,
    KeyHelp,
    LogQuery,
    Needs,
    Payload,
    Size,
    Span,
    Style,
    Text,
    notice,
)
from nanochat_sdk import format as fmt

from nanochat_panels.base import DataPanel, empty

Level: TypeAlias = Literal["all", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("all", "info", "warning", "error")
_STYLES: dict[str, Style] = {"info": "", "warning": "warning", "error": "error"}


class Log(DataPanel):
    """Follows the newest line. `/` searches, `f` goes through the levels, `0` clears both."""

    keys = (
        KeyHelp("/", "search", prompt=True),
        KeyHelp("f", "level"),
        KeyHelp("0", "clear filters"),
    )

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        self.search = str(getattr(self.options, "search", ""))[:200]
        self.level: Level = getattr(self.options, "level", "all")

    def needs(self, size: Size) -> Needs:
        lines = min(max(size.height, 20), 500)
        return Needs(log=LogQuery(lines, self.search, self.level))

    def on_input(self, event: Input) -> bool:
        if event.kind == "prompt" and event.key == "/":
            self.search = fmt.plain(event.text, 200).strip()
        elif event.kind == "key" and event.key == "f":
            self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        elif event.kind == "key" and event.key == "0":
            self.search, self.level = "", "all"
        else:
            return False
        return True

    def render(self, size: Size) -> Payload:
        page = self.data.log
        if page is None or (not page.lines and not page.total):
            return empty(
                self.data, "log lines", "they come when the trainer prints", Capability.LOGS
            )
        head = self._head(size.width)
        if not page.lines:
            self.status = ""
            hint = f"{fmt.integer(page.total)} lines; press 0 to clear the filters"
            return notice(f"nothing matches {fmt.cut(self._filters(), 60)}", hint)
        lines = [self._line(line.text, line.level) for line in page.lines[-max(size.height, 1) :]]
        filtered = bool(self.search) or self.level != "all"
        self.status = self._filters() if filtered and size.height < 4 else ""
        if filtered and size.height >= 4:
            lines = [head, *lines[-(size.height - 1) :]]
        return Text(lines=lines, anchor="bottom")

    def _filters(self) -> str:
        parts = [f"“{self.search}”"] if self.search else []
        if self.level != "all":
            parts.append(self.level if self.level == "error" else f"{self.level} and above")
        return ", ".join(parts)

    def _head(self, width: int) -> list[Span]:
        page = self.data.log
        if page is None:
            return []
        count = f"{fmt.integer(page.matched)} of {fmt.integer(page.total)} lines"
        return [
            (fmt.cut(f"{self._filters()}  ", max(width - len(count), 0)), "accent"),
            (count, "muted"),
        ]

    def _line(self, text: str, level: str) -> list[Span]:
        """A line in the style of its level, what was searched for in reverse."""
        style = _STYLES.get(level, "")
        rest = fmt.plain(text, 1000)
        if not self.search:
            return [(rest, style)]
        line: list[Span] = []
        wanted, folded = self.search.casefold(), rest.casefold()
        if len(folded) != len(rest):
            return [(rest, style)]
        at = 0
        while (hit := folded.find(wanted, at)) >= 0 and len(line) < 100:
            line += [(rest[at:hit], style), (rest[hit : hit + len(wanted)], "reverse")]
            at = hit + len(wanted)
        return [*line, (rest[at:], style)]
