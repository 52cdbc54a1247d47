"""A panel without data says what is missing and what brings it, for the state the run is in."""

from __future__ import annotations

from typing import Any

import pytest
from nanochat_sdk import Data, Text
from nanochat_sdk.testing import data, machine, points, run_facts
from panel_cases import driver, manifest

PANELS = [panel.id for panel in manifest().panels]
OF_THE_RUN = [name for name in PANELS if name not in ("gpu", "system")]
"""Panels that show nothing without a run."""
OF_STEPS = [name for name in OF_THE_RUN if name not in ("progress", "overview", "alerts")]
"""Panels that show nothing before the trainer reports something."""


def shown(panel_id: str, sent: Data, **options: Any) -> str:
    panel = driver(panel_id, **options)
    panel.feed(sent)
    payload = panel.render(60, 10)
    if panel_id in OF_STEPS:
        assert isinstance(payload, Text)
        assert payload.align == "center"
    return panel.text(60, 10)


@pytest.mark.parametrize("panel_id", OF_THE_RUN)
def test_before_the_first_answer(panel_id: str) -> None:
    assert "waiting for data" in shown(panel_id, Data())


@pytest.mark.parametrize("panel_id", OF_THE_RUN)
def test_no_run_selected(panel_id: str) -> None:
    text = shown(panel_id, data())
    assert "no run selected" in text
    assert "start a run, or choose one" in text


@pytest.mark.parametrize("panel_id", [name for name in OF_STEPS if name != "schedule"])
def test_waiting_for_the_first_step(panel_id: str) -> None:
    for state in ("starting", "running"):
        text = shown(panel_id, data(run=run_facts(state=state, step=-1)))
        assert "waiting for the first step" in text
    assert "the run is queued" in shown(panel_id, data(run=run_facts(state="queued", step=-1)))


@pytest.mark.parametrize("panel_id", OF_STEPS)
def test_not_emitted_by_this_run(panel_id: str) -> None:
    going = shown(panel_id, data(run=run_facts()))
    assert " no " in f" {going.strip()}"
    assert "they come" in going
    ended = shown(panel_id, data(run=run_facts(state="done")))
    assert "in this run" in ended


def test_no_timers_because_the_run_was_started_without_the_hook() -> None:
    text = shown("timers", data(run=run_facts(hooked=False)))
    assert "this run's trainer has no timers" in text
    assert "started without the hook" in text


def test_nothing_is_missing_before_the_first_training_step() -> None:
    tokenizer = run_facts(hooked=False, state="starting", step=382, num_steps=763)
    assert "no timers" not in shown("timers", data(run=tokenizer))
    assert "preparing: no training step yet" in shown("progress", data(run=tokenizer))


def test_a_run_that_ended_takes_nothing_of_the_machine() -> None:
    values = points(sys__cpu=40.0, sys__proc_cpu=66.0)
    going = data(run=run_facts(), machine=machine(), latest=values)
    assert "run cpu" in shown("system", going)
    ended = data(run=run_facts(state="done"), machine=machine(), latest=values)
    assert "run cpu" not in shown("system", ended)


def test_alerts_are_all_quiet() -> None:
    assert "all quiet" in shown("alerts", data(run=run_facts()))


def test_no_gpu_is_a_calm_state_with_its_reason() -> None:
    text = shown("gpu", data(run=run_facts(), machine=machine()))
    assert "no GPU on this machine" in text
    assert "no NVIDIA driver found" in text
    missing = shown("gpu", data(machine=machine(gpus=2)), gpu=7)
    assert "no GPU 7 on this machine" in missing
    assert "GPUs 0 to 1" in missing


@pytest.mark.parametrize("panel_id", ["gpu", "system"])
def test_the_machine_needs_no_run(panel_id: str) -> None:
    assert "waiting for the machine's sampler" in shown(panel_id, data())
    latest = points(sys__cpu=12.0, gpu__0__util=34.0)
    text = shown(panel_id, data(machine=machine(gpus=1), latest=latest))
    assert "12 %" in text or "34 %" in text


@pytest.mark.parametrize(
    ("panel_id", "capability"),
    [
        ("loss", "metrics:read"),
        ("log", "logs:read"),
        ("samples", "samples:read"),
        ("checkpoints", "events:read"),
        ("alerts", "events:read"),
        ("gpu", "gpu:read"),
        ("system", "gpu:read"),
    ],
)
def test_a_capability_that_was_not_granted_is_named(panel_id: str, capability: str) -> None:
    text = shown(panel_id, data(run=run_facts(), denied=[capability]))
    assert "not allowed to see" in text
    assert capability in text
