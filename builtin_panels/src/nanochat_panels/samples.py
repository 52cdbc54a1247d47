"""What the model writes, newest first, with a way back through what it wrote before."""

from __future__ import annotations

from nanochat_sdk import Capability, Event, Input, KeyHelp, Needs, Payload, Size, Span, Text
from nanochat_sdk import format as fmt

from nanochat_panels.base import DataPanel, empty

BEGIN = "<|bos|>"


class Samples(DataPanel):
    """The samples of one step at a time."""

    keys = (
        KeyHelp("n", "older"),
        KeyHelp("p", "newer"),
        KeyHelp("j", "scroll down"),
        KeyHelp("k", "scroll up"),
    )
    step: int | None = None
    """The step on show; None follows the newest."""
    skipped = 0
    """Lines scrolled away at the top."""

    def needs(self, size: Size) -> Needs:
        return Needs(events=("sample",), max_events=self.options.history)

    def on_input(self, event: Input) -> bool:
        steps = list(self._groups())
        if event.kind != "key" or not steps:
            return False
        if event.key in ("n", "p"):
            at = steps.index(self.step) if self.step in steps else len(steps) - 1
            at = (at + (-1 if event.key == "n" else 1)) % len(steps)
            self.step = None if at == len(steps) - 1 else steps[at]
            self.skipped = 0
        else:
            self.skipped = max(self.skipped + (3 if event.key == "j" else -3), 0)
        return True

    def render(self, size: Size) -> Payload:
        groups = self._groups()
        if not groups:
            hint = "they come at the steps sample_every sets"
            return empty(self.data, "samples", hint, Capability.SAMPLES)
        steps = list(groups)
        if self.step not in groups:
            self.step = None
        step = steps[-1] if self.step is None else self.step
        chosen = groups[step]
        body: list[list[Span]] = []
        for sample in chosen:
            body += self._sample(sample)
        self.skipped = min(self.skipped, max(len(body) - 1, 0))
        back = len(steps) - 1 - steps.index(step)
        head: list[Span] = [(f"step {fmt.integer(step)}" if step >= 0 else "sampled", "bold")]
        where = "newest" if not back else f"{back} back of {len(steps)}"
        if size.width >= 30:
            head.append((f"  {where}", "muted" if not back else "accent"))
        if size.width >= 44:
            head.append((f"  {fmt.age(self.data.now, chosen[-1].ts)}", "muted"))
        lines = [head, *body[self.skipped : self.skipped + max(size.height, 1) * 2]]
        return Text(lines=lines, wrap=True)

    def _groups(self) -> dict[int, list[Event]]:
        """Samples by step, oldest step first."""
        groups: dict[int, list[Event]] = {}
        for event in self.data.events:
            if event.kind == "sample":
                groups.setdefault(-1 if event.step is None else event.step, []).append(event)
        return dict(sorted(groups.items()))

    def _sample(self, event: Event) -> list[list[Span]]:
        """The lines of a sample: its prompt marked, what the model added plain."""
        text = str(event.fields.get("text") or "").replace(BEGIN, "").strip("\n")
        prompt = str(event.fields.get("prompt") or "").replace(BEGIN, "")
        if prompt and text.startswith(prompt):
            text = text[len(prompt) :]
        rest = [fmt.plain(line, 2000) for line in text[:6000].split("\n")]
        lead: list[Span] = [(fmt.plain(prompt, 500), "accent")] if prompt else []
        first: list[Span] = [("› ", "muted"), *lead, (rest[0], "")]
        return [first, *([(line, "")] for line in rest[1:40])]  # type: ignore[list-item]
