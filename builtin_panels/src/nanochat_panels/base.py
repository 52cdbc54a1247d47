"""What the panels share: the state of a run in words, and calm answers for missing data."""

from __future__ import annotations

from nanochat_sdk import Capability, Data, Panel, Payload, RunFacts, Style, notice
from nanochat_sdk import format as fmt

ACTIVE = ("queued", "starting", "running", "paused", "stopping")


class DataPanel(Panel):
    """A panel that keeps the newest data and redraws whenever there is some."""

    data: Data = Data()

    def update(self, data: Data) -> bool:
        self.data = data
        return True

    def latest(self, metric: str) -> float | None:
        """The newest value of a metric if it is a finite number."""
        point = self.data.latest.get(metric)
        return fmt.as_float(point.value) if point else None


def empty(data: Data, what: str, brings: str, needs: Capability = Capability.METRICS) -> Payload:
    """Say why there is nothing to draw and what will bring it. what: plural, "evaluations"."""
    run = data.run
    if needs in data.denied:
        return notice(f"not allowed to see {what}", f"this pack was not granted {needs}")
    if run is None:
        if not data.now:
            return notice("waiting for data", "the core has not answered yet")
        return notice("no run selected", "start a run, or choose one in the run list")
    if run.state == "queued":
        return notice("the run is queued", f"{what} come once it starts")
    if run.state == "starting" or (run.state in ACTIVE and run.step < 0):
        return notice("waiting for the first step", f"{what} come with it or after it")
    if run.state in ACTIVE:
        return notice(f"no {what} yet", brings)
    return notice(f"no {what} in this run", brings)


def state_words(run: RunFacts, now: float) -> tuple[str, Style]:
    """The state as a sentence and its style: "done in 3m12s", "paused at step 120"."""
    reason = fmt.cut(fmt.plain(run.reason, 300).strip(), 160)
    took = elapsed_s(run, now)
    if run.state == "done":
        return (f"done in {fmt.duration(took)}" if took is not None else "done"), "success"
    if run.state == "failed":
        code = f"exit code {run.exit_code}" if run.exit_code is not None else "no exit code"
        return f"failed: {reason or code}", "error"
    if run.state == "lost":
        return f"lost: {reason or 'nobody saw how it ended'}", "error"
    if run.state == "paused":
        where = f" at step {fmt.integer(run.step)}" if run.step >= 0 else ""
        return f"paused{where}", "warning"
    if run.state == "stopping":
        return "stopping: the step is finished and saved first", "warning"
    if run.state == "starting" and run.step >= 0:
        return "preparing: no training step yet", "primary"
    if run.state == "starting":
        return "starting: imports and compilation come first", "primary"
    return ("queued", "muted") if run.state == "queued" else ("running", "success")


def elapsed_s(run: RunFacts, now: float) -> float | None:
    """Seconds from the start of the run to its end, or to now; None before it starts."""
    start, end = fmt.as_float(run.started_at), fmt.as_float(run.ended_at)
    if not start or start < 0:
        return None
    until = end if run.state not in ACTIVE and end else fmt.as_float(now)
    return max(until - start, 0.0) if until else None


def staleness(data: Data, metric: str, patience_s: float = 20.0) -> str:
    """ "stale 40s" when a running run has sent nothing for a while, else ""."""
    point = data.latest.get(metric)
    if point is None or data.run is None or data.run.state != "running":
        return ""
    now, ts = fmt.as_float(data.now), fmt.as_float(point.ts)
    if now is None or ts is None or now - ts < patience_s:
        return ""
    return f"stale {fmt.duration(now - ts)}"
