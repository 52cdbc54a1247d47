"""Lines of the log that packs have declared: metrics, facts of several lines, lines to alert on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nanochat_sdk.template import Template

from nanochat_host.core.telemetry.mappings import NO_MAPPINGS, LogRule, Mappings

MAX_ROWS = 256


@dataclass
class Told:
    """What lines said, each with its step (None: not known) and the log's clock. seen: (rule, what
    its line said)."""

    rows: list[tuple[int, float, dict[str, float]]] = field(default_factory=list)
    events: list[tuple[int | None, float, dict[str, Any]]] = field(default_factory=list)
    seen: list[tuple[str, int | None, float, dict[str, Any]]] = field(default_factory=list)


@dataclass
class _Block:
    """A line whose rows may follow."""

    rule: LogRule
    step: int
    clock: float
    said: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)


class DeclaredLog:
    """Feed it every line that may say something, in order. step: of the newest line that named
    one."""

    def __init__(self, mappings: Mappings = NO_MAPPINGS) -> None:
        self.mappings = mappings
        self.step = -1
        self._core_step = -1
        self._open: _Block | None = None

    @property
    def in_block(self) -> bool:
        """The lines that follow may belong to the one before."""
        return self._open is not None

    def claims(self, line: str) -> bool:
        """Whether a pack has declared this line: then it is no part of a sample."""
        text = line.rstrip()
        return any(rule.line.match(text) is not None for rule in self.mappings.logs)

    def feed(self, line: str, core_step: int, coming: int, clock: float, out: Told) -> None:
        """core_step: of the newest step line, -1 before the first. coming: of the one to come."""
        if core_step != self._core_step:
            self.step = self._core_step = core_step
        text = line.rstrip()
        for alert, template in self.mappings.seen.items():
            if (said := template.match(text)) is not None:
                step = said.get("step", self.step)
                out.seen.append((alert, step if step >= 0 else None, clock, said))
        if self._open is not None:
            if self._continued(self._open, text):
                return
            self.close(out)
        for rule in self.mappings.logs:
            if (said := rule.line.match(text)) is not None:
                self._begin(rule, said, coming, clock, out)
                return

    def close(self, out: Told) -> None:
        """No more rows come: give out the line that waited for them."""
        block, self._open = self._open, None
        if block is not None:
            self._give(block, out)

    def _begin(
        self, rule: LogRule, said: dict[str, Any], coming: int, clock: float, out: Told
    ) -> None:
        step = said.pop("step", None)
        if step is not None:
            self.step = step
        elif rule.coming:
            step = coming
        block = _Block(rule, self.step if step is None else step, clock, said)
        if rule.rows:
            self._open = block
        else:
            self._give(block, out)

    def _continued(self, block: _Block, text: str) -> bool:
        if len(block.rows) >= MAX_ROWS:
            return False
        said = _first(block.rule.rows, text)
        if said is None:
            return False
        block.rows.append(said)
        return True

    def _give(self, block: _Block, out: Told) -> None:
        metrics: dict[str, float] = {}
        for said in (block.said, *block.rows):
            for name in [name for name in said if "/" in name]:
                value = said.pop(name)
                if name in block.rule.metrics:
                    metrics.setdefault(name, float(value))
        if metrics:
            out.rows.append((max(0, block.step), block.clock, metrics))
        if block.rule.span:
            fields: dict[str, Any] = {"name": block.rule.span, "source": "log", **block.said}
            if block.rule.rows:
                fields["rows"] = [row for row in block.rows if row]
            out.events.append((block.step if block.step >= 0 else None, block.clock, fields))


def _first(templates: tuple[Template, ...], text: str) -> dict[str, Any] | None:
    return next((said for t in templates if (said := t.match(text)) is not None), None)
