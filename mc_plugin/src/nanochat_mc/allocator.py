"""What the allocator did at each refocus: expanded above the line, collapsed below it."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk import Axis, Chart, Child, Payload, Plot, Size, Span, Stack, Text, pack
from nanochat_sdk import format as fmt

from nanochat_mc.base import caption, figure
from nanochat_mc.focused import RefocusPanel
from nanochat_mc.refocus import Refocus


class Allocator(RefocusPanel):
    """Bars a refocus, running totals, and how the lens scored where it tells."""

    def render(self, size: Size) -> Payload:
        found = list(self.log.found)
        self.date(self.log.newest)
        if not found:
            return self.none()
        last = found[-1]
        if size.height < 6 or size.width < 30:
            return Text(lines=[*_last(last, size.width), caption(_totals(found), size.width)])
        children = [Child(self._bars(found, size))]
        if size.height >= 8:
            children.append(Child(Text(lines=[caption(_totals(found), size.width)]), size=1))
        if last.scores and size.height >= 10:
            children.append(Child(Text(lines=[_scores(last.scores, size.width)]), size=1))
        return Stack(children=children)

    def _bars(self, found: Sequence[Refocus], size: Size) -> Chart:
        shown = list(enumerate(found))[-max(min(size.width, 1000), 1) :]
        x = pack(float(i) for i, _ in shown)
        return Chart(
            plots=[
                Plot("expand", x, pack(float(r.expand) for _, r in shown), "success", "bars"),
                Plot("collapse", x, pack(-float(r.collapse) for _, r in shown), "warning", "bars"),
            ],
            x=Axis(label="refocus", unit="int"),
            y=Axis(unit="int"),
            legend=False,
            caption=_last(found[-1], size.width)[0],
        )


def _last(last: Refocus, width: int) -> list[list[Span]]:
    parts: list[list[Span]] = [
        [("▲ expanded ", "success"), (fmt.integer(last.expand), "bold")],
        [("▼ collapsed ", "warning"), (fmt.integer(last.collapse), "bold")],
        figure("of", f"{fmt.integer(last.entries)} entries", ""),
    ]
    if last.utilization is not None:
        style = "error" if last.utilization > 1 else ""
        parts.append(figure("utilization", fmt.percent(100 * last.utilization), style))  # type: ignore[arg-type]
    return [caption(parts, width)]


def _totals(found: Sequence[Refocus]) -> list[list[Span]]:
    expand, collapse = sum(r.expand for r in found), sum(r.collapse for r in found)
    both = sum(r.expand > 0 and r.collapse > 0 for r in found)
    idle = sum(r.edits == 0 for r in found)
    parts = [
        figure(
            f"in {fmt.integer(len(found))} refocuses",
            f"+{fmt.short(expand)} −{fmt.short(collapse)}",
        ),
        figure("idle", fmt.integer(idle), ""),
    ]
    if both:
        parts.append(figure("both at once", fmt.integer(both), "warning"))
    return parts


def _scores(scores: tuple[float, float, float, float], width: int) -> list[Span]:
    """Where the lens's scores lie between -1 and 1: below 0 collapse, above 0 expand."""
    mean, std, low, high = (min(max(score, -1.0), 1.0) for score in scores)
    text = f"scores {fmt.fixed(mean)} ± {fmt.fixed(std)}  {fmt.fixed(low)} to {fmt.fixed(high)} "
    room = width - fmt.cells(text)
    if room < 16:
        return [(fmt.cut(text, width), "")]
    left, right = (round((value + 1) / 2 * (room - 1)) for value in (low, high))
    middle = min(max(round((mean + 1) / 2 * (room - 1)), left), right)
    return [
        (text, ""),
        ("·" * left, "muted"),
        ("━" * (middle - left), "warning" if mean < 0 else "success"),
        ("◆", "bold"),
        ("━" * (right - middle), "warning" if mean < 0 else "success"),
        ("·" * (room - 1 - right), "muted"),
    ]
