"""All of it at a glance: one line a question, with a mark for the health of its answer."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import Payload, Size, Span, Style, Text
from nanochat_sdk import format as fmt

from nanochat_mc.bands import CONTROLLER_MS, DELTA_NLL, RESIDENCY, SWAP_PER_BLOCK, UTILIZATION, Band
from nanochat_mc.base import option
from nanochat_mc.focused import RefocusPanel
from nanochat_mc.states import Source, absent

SOURCE = Source("MegaContext figures", proof=())
COLUMN = 46
"""Cells a line wants before a second column begins."""


class Fact(NamedTuple):
    """A question, its answer, and its health ("muted" where there is nothing to judge)."""

    label: str
    value: str
    style: Style
    note: str = ""


class Overview(RefocusPanel):
    """Context, allocator, losses, controller and lens; what matters most comes first."""

    def render(self, size: Size) -> Payload:
        latest = self.data.latest
        self.date(*(point.ts for name, point in latest.items() if name.startswith("mc/")))
        before, after = [*self._losses(), *self._context()], self._controller()
        if not (before or after or self.moments() or self.log.steps):
            return absent(self.data, SOURCE)
        facts = [*before, *self._focus(), *after]
        columns = max(min(size.width // COLUMN, -(-len(facts) // max(size.height, 1))), 1)
        rows = min(-(-len(facts) // columns), max(size.height, 1))
        width = size.width // columns
        lines: list[list[Span]] = []
        for row in range(rows):
            line: list[Span] = []
            for fact in facts[row::rows][:columns]:
                line += _spans(fact, width)
            lines.append(line)
        return Text(lines=lines)

    def _graded(
        self, label: str, name: str, band: Band, decimals: int = 3, unit: str = ""
    ) -> list[Fact]:
        value = self.latest(name)
        return (
            []
            if value is None
            else [Fact(label, fmt.fixed(value, decimals) + unit, band.style(value))]
        )

    def _losses(self) -> list[Fact]:
        out = self._graded("ΔNLL mean", "mc/adv_delta_mean", DELTA_NLL, unit=" nats")
        p95 = self.latest("mc/adv_delta_p95")
        if out and p95 is not None:
            out[0] = out[0]._replace(note=f"p95 {fmt.fixed(p95, 3)}")
        losses = [
            (level, self.latest(f"mc/lod_loss/{level}")) for level in self.levels("mc/lod_loss/")
        ]
        known = [f"{fmt.fixed(loss, 3)}" for _, loss in losses if loss is not None]
        if known:
            out.append(Fact("loss by level", " / ".join(known[:4]), "muted"))
        if (lens := self.latest("mc/lens_loss")) is not None:
            zero: Style = "warning" if lens == 0 else "success"
            out.append(Fact("lens loss", fmt.number(lens), zero, "exactly 0" if lens == 0 else ""))
        return out

    def _context(self) -> list[Fact]:
        out: list[Fact] = []
        entries = self.latest("mc/wc_entries") or self.latest("mc/wc_tokens")
        if entries is not None:
            soft = option(self.data, "mc_eval_soft_max_length", "allocator_soft_max")
            over = entries / soft if soft and soft > 0 else None
            note = f"{fmt.percent(100 * over, 0)} of soft max" if over is not None else ""
            style: Style = "muted" if over is None else "warning" if over > 1 else "success"
            out.append(Fact("working context", f"{fmt.integer(entries)} entries", style, note))
        if (used := self.latest("mc/utilization")) is not None:
            said = fmt.percent(100 * used)
            out.append(Fact("utilization", said, UTILIZATION.style(used), "of the hard limit"))
        variants = self.latest("mc/variants_total")
        if variants is not None:
            fallbacks = self.latest("mc/variant_fallbacks")
            note = f"{fmt.integer(fallbacks)} fallbacks" if fallbacks else ""
            out.append(
                Fact(
                    "variants a step",
                    fmt.integer(variants),
                    "success" if variants > 0 else "error",
                    note,
                )
            )
        return out

    def _focus(self) -> list[Fact]:
        moments = self.moments()
        if not moments:
            steps = f"in {fmt.integer(self.log.steps)} steps" if self.log.steps else ""
            return [Fact("allocator", "no refocus", "muted", steps)]
        last = moments[-1]
        edits = f"+{last.refocus.expand} −{last.refocus.collapse}"
        out = [
            Fact(
                "last refocus",
                edits,
                "error" if last.thrash else "muted",
                "thrash" if last.thrash else "",
            )
        ]
        if last.swap is not None:
            out.append(
                Fact("swap a block", fmt.fixed(last.swap, 3), SWAP_PER_BLOCK.style(last.swap))
            )
        if last.residency is not None:
            value = f"{fmt.fixed(last.residency, 1)} refocuses"
            out.append(Fact("residency", value, RESIDENCY.style(last.residency)))
        return out

    def _controller(self) -> list[Fact]:
        total = self.latest("mc/total_ms")
        if total is None:
            total = self.latest("mc/time_controller_ms")
        if total is None:
            return []
        dt = self.latest("train/dt")
        note = f"{fmt.percent(0.1 * total / dt, 0)} of the step" if dt and dt > 0 else ""
        return [Fact("controller", fmt.latency(total / 1e3), CONTROLLER_MS.style(total), note)]


def _spans(fact: Fact, width: int) -> list[Span]:
    """A fact in exactly `width` cells."""
    room = max(width - 2, 0)
    gutter = min(17, max(room // 2 - 1, 1))
    label = fmt.fit(fmt.cut(fact.label, gutter - 1), gutter)
    value = fmt.cut(fact.value, max(room - fmt.cells(label), 0))
    left = room - fmt.cells(label) - fmt.cells(value)
    note = fmt.cut(f"  {fact.note}", left) if fact.note else ""
    note = fmt.pad(note, left)
    dot = "●" if fact.style != "muted" else "·"
    value_style: Style = fact.style if fact.style in ("warning", "error") else ""
    return [
        (f"{dot} "[:width], fact.style),
        (label, "muted"),
        (value, value_style),
        (note, "muted"),
    ]
