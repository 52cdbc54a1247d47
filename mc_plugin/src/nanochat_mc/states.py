"""Why there is nothing to draw: off, not yet, needs a flag, needs spans, or gone from the code.

The controller sends most of what it knows only with `--mc_log_timers=1`, which is its switch for
verbosity too; a few counts come always. So what a run has sent says what it could send.
"""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import Capability, Data, Payload, notice
from nanochat_sdk import format as fmt

from nanochat_mc.base import option

ALWAYS = ("mc/lens_calls", "mc/gist_calls", "mc/allocator_edits", "mc/swap_per_entry")
"""Metrics of spans that are sent whatever the flags say."""
VERBOSE = (
    "mc/total_ms",
    "mc/wc_entries",
    "mc/tree_tokens",
    "mc/adv_delta_mean",
    "mc/variants_total",
)
"""Metrics that only a run with `--mc_log_timers=1`, or W&B, brings every step."""


class Source(NamedTuple):
    """Where a panel's data come from.

    what: plural, "refocuses". timers: only with --mc_log_timers=1. spans: only as OTLP spans.
    inference: while the model generates; else with every training step. flag: another option
    without which there is none. proof: metrics that are sent at the same moments: where they came
    and this did not, the revision has it no more.
    """

    what: str
    timers: bool = True
    spans: bool = False
    inference: bool = False
    flag: str = ""
    proof: tuple[str, ...] = ALWAYS + VERBOSE


def absent(data: Data, source: Source, needs: Capability = Capability.METRICS) -> Payload:
    """The calm message for a panel without data."""
    what = source.what
    if needs in data.denied:
        return notice(f"not allowed to see {what}", f"this pack was not granted {needs}")
    run = data.run
    if run is None:
        if not data.now:
            return notice("waiting for data", "the core has not answered yet")
        return notice("no run selected", "start a run, or choose one in the run list")
    heard = any(name.startswith("mc/") for name in data.latest)
    if off := _off(data, heard):
        return off
    if run.state == "queued":
        return notice("the run is queued", f"{what} come once it starts")
    if not heard and (run.state == "starting" or (run.state in _ACTIVE and run.step < 0)):
        return notice("waiting for the first step", f"{what} come with it or after it")
    if source.timers and _quiet(data):
        return notice("needs --mc_log_timers=1", f"the run sends {what} only with it")
    if source.flag and option(data, source.flag) == 0:
        return notice(f"needs --{source.flag}=1", f"the run prints {what} only with it")
    if source.spans and not _heard_spans(data):
        return notice(
            "no span has come",
            "runs started from here send them; others need MC_OTEL_ENDPOINT",
        )
    if any(name in data.latest for name in source.proof):
        return notice("not emitted by this revision", f"other figures came, {what} did not")
    if run.state not in _ACTIVE:
        return notice(f"no {what} in this run", "")
    when = "while the model generates" if source.inference else "with every training step"
    return notice(f"no {what} yet", f"they come {when}")


_ACTIVE = ("queued", "starting", "running", "paused", "stopping")


def _off(data: Data, heard: bool) -> Payload | None:
    """The run has no controller, as far as its options say."""
    if heard or not data.config:
        return None
    if "mc_enabled" not in data.config:
        return notice("this run has no MegaContext", "mc_enabled is not among its options")
    if option(data, "mc_enabled") == 0 or data.config["mc_enabled"] is False:
        return notice("MegaContext is off in this run", "start one with --mc_enabled=1")
    return None


def _quiet(data: Data) -> bool:
    """Whether the run was started without --mc_log_timers=1; judged by what came where its options
    are not known."""
    timers = option(data, "mc_log_timers")
    if timers is not None:
        return timers == 0
    if data.config.get("mc_log_timers") is False:
        return True
    came = data.latest.keys()
    return any(name in came for name in ALWAYS) and not any(name in came for name in VERBOSE)


def _heard_spans(data: Data) -> bool:
    sources = data.run.sources if data.run else {}
    state = fmt.plain(sources.get("otlp", "off"), 40)
    return state != "off" or any(name in data.latest for name in ALWAYS)
