"""What went wrong or looks like it: active alerts first, each with what to do."""

from __future__ import annotations

from nanochat_sdk import Capability, Event, Needs, Payload, Size, Span, Style, Text, notice
from nanochat_sdk import format as fmt

from nanochat_panels.base import DataPanel, empty

_STYLES: dict[str, Style] = {"info": "primary", "warning": "warning", "error": "error-bold"}
_RANK = {"error": 0, "warning": 1, "info": 2}


class Alerts(DataPanel):
    """One line an alert, a second for its hint; those that are over below, muted."""

    def needs(self, size: Size) -> Needs:
        return Needs(events=("alert",), max_events=200)

    def render(self, size: Size) -> Payload:
        alerts = [event for event in self.data.events if event.kind == "alert"]
        newest = {str(event.fields.get("rule")): event for event in alerts}
        active = [event for event in newest.values() if event.fields.get("active") is not False]
        active.sort(key=lambda event: (_rank(event), -_time(event)))
        self.status = f"{len(active)} active" if active else ""
        over = [event for event in newest.values() if event.fields.get("active") is False]
        over.sort(key=_time, reverse=True)
        if not active:
            return self._quiet(over)
        lines: list[list[Span]] = []
        for event in active[:200]:
            lines += self._active(event, size)
        lines += [self._over(event, size.width) for event in over[: self.options.history]]
        return Text(lines=lines[: max(size.height, 1)])

    def _quiet(self, over: list[Event]) -> Payload:
        run = self.data.run
        if run is None or Capability.EVENTS in self.data.denied:
            return empty(self.data, "alerts", "", Capability.EVENTS)
        if not over:
            return notice("all quiet", "no alert in this run", "success")
        last = over[0]
        hint = f"{fmt.cut(_message(last), 80)}: over {fmt.age(self.data.now, last.ts)}"
        return notice("all quiet", hint, "success")

    def _active(self, event: Event, size: Size) -> list[list[Span]]:
        found = event.fields
        style = _STYLES.get(str(found.get("severity")), "warning")
        message = _message(event)
        when = f"  {_where(event)}{fmt.age(self.data.now, event.ts)}"
        room = size.width - 2 - fmt.cells(when)
        head: list[Span] = [("● ", style), (fmt.cut(message, max(size.width - 2, 1)), style)]
        if room >= fmt.cells(message):
            head.append((when, "muted"))
        hint = fmt.plain(found.get("hint") or "", 300)
        if not hint or size.height < 4:
            return [head]
        return [head, [("  ", ""), (fmt.cut(hint, max(size.width - 2, 1)), "muted")]]

    def _over(self, event: Event, width: int) -> list[Span]:
        text = f"○ {_message(event)}  {_where(event)}over {fmt.age(self.data.now, event.ts)}"
        return [(fmt.cut(text, width), "muted")]


def _message(event: Event) -> str:
    """What the alert says; the core puts "over: " in front of one that has ended."""
    found = event.fields.get("message") or event.fields.get("rule") or "alert"
    return fmt.plain(found, 300).removeprefix("over: ")


def _time(event: Event) -> float:
    return fmt.as_float(event.ts) or 0.0


def _rank(event: Event) -> int:
    return _RANK.get(str(event.fields.get("severity")), 1)


def _where(event: Event) -> str:
    return f"step {fmt.integer(event.step)}, " if event.step is not None else ""
