"""Every panel of the MegaContext pack says honestly how it stands: live, stale, not emitted, needs
a flag, off."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from mc_cases import PANELS, Core, driver, focus, snapshot
from nanochat_sdk import Data, Text
from nanochat_sdk.testing import EPOCH, data, points, run_facts, series

NOW = EPOCH + 300
BY_STEP = ("delta_nll", "lod_loss", "timers")
BY_SESSION = ("allocator", "residency")
ON = {"mc_enabled": 1, "mc_log_timers": 1, "block_size": 4}
LIVE = {
    "mc/adv_delta_mean": 0.02, "mc/lod_loss/0": 2.5, "mc/lod_count/0": 64.0, "mc/total_ms": 90.0,
    "mc/build_ms": 60.0, "mc/lens_loss": 0.3, "mc/lens_calls": 2.0, "mc/gist_calls": 2.0,
    "mc/swap_per_entry": 0.01, "mc/utilization": 0.2, "mc/wc_entries": 600.0,
    "mc/last_position": 847.0, "train/dt": 0.5,
}  # fmt: skip


def live(ago_s: float, **run: Any) -> Data:
    """Everything the fork sends, the newest of it so old."""
    ts = NOW - ago_s
    events = [snapshot(ts, [0, 1, 0, 0], [0, 1, 5, 6]), *focus(ts, 3, 2)]
    return data(
        *(series(name, [value] * 9) for name, value in LIVE.items()),
        run=run_facts(**run), now=NOW, events=events, config=ON,
        latest={n: p for name, v in LIVE.items() for n, p in points(ts=ts, **{name: v}).items()},
    )  # fmt: skip


def shown(panel_id: str, sent: Data, **options: Any) -> str:
    panel = driver(panel_id, **options)
    panel.feed(sent)
    payload = panel.render(70, 10)
    assert isinstance(payload, Text)
    assert payload.align == "center"
    return panel.text(70, 10)


def came(*names: str, **config: Any) -> Data:
    """A run in which these metrics came, with these options."""
    latest = points(**dict.fromkeys(names, 1.0))
    return data(run=run_facts(sources={"otlp": "live"}), latest=latest, config=config)


def status(panel_id: str, sent: Data) -> str:
    panel = driver(panel_id)
    panel.feed(sent)
    panel.render(70, 12)
    return panel.status


@pytest.mark.parametrize("panel_id", PANELS)
def test_live_then_stale_with_its_age(panel_id: str) -> None:
    assert status(panel_id, live(2.0)) == ""
    assert status(panel_id, live(100.0)) == "stale 1m40s"
    assert status(panel_id, live(100.0, state="done")) == ""


@pytest.mark.parametrize("panel_id", PANELS)
def test_patience_grows_with_the_step(panel_id: str) -> None:
    sent = live(100.0)
    slow = sent.latest | points(ts=NOW - 100, train__dt=60.0)
    assert status(panel_id, msgspec.structs.replace(sent, latest=slow)) == ""


@pytest.mark.parametrize("panel_id", PANELS)
def test_off_and_without_megacontext(panel_id: str) -> None:
    off = data(run=run_facts(), config={"mc_enabled": 0, "depth": 4})
    assert "MegaContext is off in this run" in shown(panel_id, off)
    other = data(run=run_facts(), config={"depth": 4})
    assert "this run has no MegaContext" in shown(panel_id, other)


@pytest.mark.parametrize("panel_id", [*BY_STEP, "lod"])
def test_needs_timers_because_the_options_say_so(panel_id: str) -> None:
    text = shown(panel_id, came("mc/lens_calls", mc_enabled=1, mc_log_timers=0))
    assert "needs --mc_log_timers=1" in text


@pytest.mark.parametrize("panel_id", [*BY_STEP, "lod"])
def test_needs_timers_because_only_forced_events_came(panel_id: str) -> None:
    """An adopted run has no options to look at; what came tells."""
    assert "needs --mc_log_timers=1" in shown(panel_id, came("mc/lens_calls", "mc/gist_calls"))


@pytest.mark.parametrize("panel_id", BY_STEP)
def test_not_emitted_by_this_revision(panel_id: str) -> None:
    sent = came("mc/gist_calls", "mc/variants_total", **ON)
    assert "not emitted by this revision" in shown(panel_id, sent)


def test_inference_that_sends_no_snapshot() -> None:
    sent = came("mc/swap_per_entry", "mc/wc_tokens", **ON)
    assert "not emitted by this revision" in shown("lod", sent)


@pytest.mark.parametrize("panel_id", [*BY_SESSION, "lod"])
def test_inference_that_has_not_begun_is_not_missing(panel_id: str) -> None:
    text = shown(panel_id, came("mc/gist_calls", "mc/variants_total", **ON))
    assert "yet" in text
    assert "while the model generates" in text


@pytest.mark.parametrize("panel_id", [*BY_SESSION, "lod"])
def test_no_span_has_come(panel_id: str) -> None:
    latest = points(**{"mc/total_ms": 9.0})
    sent = data(run=run_facts(sources={"otlp": "off"}), latest=latest, config=ON)
    text = shown(panel_id, sent)
    assert "no span has come" in text
    assert "MC_OTEL_ENDPOINT" in text


def test_the_log_s_rows_need_their_flag() -> None:
    sent = came("mc/total_ms", mc_enabled=1, mc_log_timers=1, mc_log_lod_ascii_train=0)
    assert "needs --mc_log_lod_ascii_train=1" in shown("lod", sent, source="log")


@pytest.mark.parametrize("panel_id", PANELS)
def test_before_there_is_anything(panel_id: str) -> None:
    assert "waiting for data" in shown(panel_id, Data())
    assert "no run selected" in shown(panel_id, data())
    early = data(run=run_facts(state="starting", step=-1), config=ON)
    assert "waiting for the first step" in shown(panel_id, early)
    queued = data(run=run_facts(state="queued", step=-1), config=ON)
    assert "the run is queued" in shown(panel_id, queued)


@pytest.mark.parametrize("panel_id", PANELS)
def test_what_was_not_granted_is_named(panel_id: str) -> None:
    sent = data(run=run_facts(), denied=["metrics:read", "events:read"], config=ON)
    assert "not allowed to see" in shown(panel_id, sent)


def test_the_lens_timer_of_wandb_is_not_the_controllers_time() -> None:
    """W&B brings it, and the whole, without --mc_log_timers; the parts it does not."""
    config = {"mc_enabled": 1, "mc_log_timers": 0}
    lens, whole = series("mc/lens_ms", [0.02] * 3), series("mc/time_controller_ms", [400.0] * 3)
    latest = points(**{"mc/lens_ms": 0.02})
    without = data(lens, run=run_facts(), latest=latest, config=config)
    assert "needs --mc_log_timers=1" in shown("timers", without)
    panel = driver("timers")
    panel.feed(data(lens, whole, run=run_facts(), latest=latest, config=config))
    assert "controller 400 ms" in panel.text(70, 10)
    assert "its parts need --mc_log_timers=1" in panel.text(70, 10)


def test_a_run_without_the_flag_as_the_core_reads_it() -> None:
    """The captured run without --mc_log_timers: forced events alone."""
    core = Core(("quiet",))
    try:
        for panel_id in ("delta_nll", "overview"):
            panel = core.feed(driver(panel_id), config={})
            assert "needs --mc_log_timers=1" in panel.text(70, 10)
        assert "quiet: --mc_log_timers=0" in core.feed(driver("health"), config={}).text(80, 8)
    finally:
        core.close()


def test_another_run_on_show_forgets_the_one_before() -> None:
    for panel_id in ("lod", *BY_SESSION):
        panel = driver(panel_id)
        panel.feed(live(2.0, id="one"))
        assert "3" in panel.text(70, 12)
        panel.feed(data(run=run_facts(id="two", step=-1), config=ON))
        assert "waiting for the first step" in panel.text(70, 12)


@pytest.mark.parametrize("panel_id", BY_SESSION)
def test_inference_without_an_allocator_is_told_from_no_inference(panel_id: str) -> None:
    """The newest revision known builds none: its steps repeat zeros."""
    steps = [focus(EPOCH + i, 0, 0, asked=0) for i in range(100)]
    few = data(run=run_facts(), events=[e for step in steps[:9] for e in step], config=ON)
    assert "no refocus yet" in shown(panel_id, few)
    many = data(run=run_facts(), events=[e for step in steps for e in step], config=ON)
    text = shown(panel_id, many)
    assert "the allocator is not used by this revision" in text
    assert "100 inference steps came without one" in text


def test_a_lens_loss_of_zero_is_said_in_words() -> None:
    panel = driver("lens")
    zeros = series("mc/lens_loss", [0.0] * 12)
    panel.feed(data(zeros, run=run_facts(), latest=points(**{"mc/lens_loss": 0.0}), config=ON))
    assert "exactly 0 for all 12 points" in panel.text(70, 8)
    once = series("mc/lens_loss", [0.5, *[0.0] * 11])
    panel.feed(data(once, run=run_facts(), latest=points(**{"mc/lens_loss": 0.0}), config=ON))
    assert "exactly 0" not in panel.text(70, 8)


def test_what_only_w_and_b_brings_is_not_called_gone() -> None:
    """The lens loss comes through W&B: a run followed by its log alone cannot have it."""
    panel = driver("lens")
    panel.feed(came("mc/lens_calls", **ON))
    assert "not emitted" not in panel.text(70, 8)
    panel.feed(came("mc/lens_calls", "mc/grad_accum_steps", **ON))
    assert "not emitted by this revision" in panel.text(70, 8)


def test_thrash_is_marked() -> None:
    events = [*focus(EPOCH + 1, 9, 0), *focus(EPOCH + 2, 22, 24, **{"mc.residency_mean": 20.0})]
    panel = driver("residency")
    panel.feed(data(run=run_facts(), events=events, config=ON))
    assert "thrash" in panel.text(90, 20)
