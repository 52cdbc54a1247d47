"""Every option of every built-in panel changes what is asked for or shown."""

from __future__ import annotations

from typing import Any

import pytest
from nanochat_sdk import Chart, Data, View
from nanochat_sdk.testing import data, event, points, run_facts, series
from panel_cases import NOW, applied, base_run, checkpoint, driver, manifest, metric, typical


def outcome(panel_id: str, sent: Data | None, options: dict[str, Any]) -> tuple[Any, ...]:
    panel = driver(panel_id, **options)
    panel.feed(sent if sent is not None else typical(panel_id))
    return panel.needs, panel.render(100, 24), panel.status


def many_evals() -> Data:
    return data(series("val/bpb", [3.0 - i / 100 for i in range(40)]), run=run_facts())


def falling() -> Data:
    return data(series("train/tok_per_sec", [1000.0] * 60 + [800.0] * 6), run=run_facts())


def hot() -> Data:
    sent = typical("gpu")
    return Data(now=sent.now, latest=sent.latest | points(gpu__0__temp=80), machine=sent.machine)


def two() -> Data:
    return data(metric("train/loss"), metric("val/bpb"), run=base_run(), now=NOW)


CHANGES: list[tuple[str, dict[str, Any], Data | None]] = [
    ("progress", {"cost_per_hour": 24.0}, None),
    ("progress", {"pipeline": False}, None),
    ("loss", {"smoothing": 0.5}, None),
    ("loss", {"x": "tokens"}, None),
    ("loss", {"log_y": True}, None),
    ("loss", {"val": False}, None),
    ("loss", {"envelope": False}, None),
    ("metrics", {"metrics": ["val/*"]}, None),
    ("metrics", {"right": ["val/*"]}, two()),
    ("metrics", {"smoothing": 0.5}, None),
    ("metrics", {"x": "tokens"}, None),
    ("metrics", {"log_y": True}, None),
    ("metrics", {"limits": "7, 6.5"}, None),
    ("validation", {"rows": 2}, many_evals()),
    ("throughput", {"smoothing": 0.0}, None),
    ("throughput", {"x": "time"}, None),
    ("throughput", {"drop_percent": 10.0}, falling()),
    ("timers", {"window": 10}, None),
    ("schedule", {"plan": False}, None),
    ("gpu", {"gpu": 1}, None),
    ("gpu", {"hot_c": 75}, hot()),
    ("system", {"disk_warn": 50.0}, None),
    ("samples", {"history": 7}, None),
    ("log", {"level": "error"}, None),
    ("log", {"search": "loss"}, None),
    ("checkpoints", {"history": 7}, None),
    ("alerts", {"history": 0}, None),
    ("overview", {"highlights": "depth"}, None),
    ("overview", {"patches": 0}, None),
]


@pytest.mark.parametrize(("panel_id", "options", "sent"), CHANGES, ids=lambda v: str(v)[:30])
def test_an_option_is_honoured(panel_id: str, options: dict[str, Any], sent: Data | None) -> None:
    assert outcome(panel_id, sent, {}) != outcome(panel_id, sent, options)


def test_every_option_is_tested_above_and_explained_in_the_manifest() -> None:
    declared = {(p.id, name) for p in manifest().panels for name in p.options}
    assert declared == {(panel_id, name) for panel_id, options, _ in CHANGES for name in options}
    for panel in manifest().panels:
        for spec in panel.options.values():
            assert spec.help.endswith(".")
            bounded = spec.min is not None and spec.max is not None
            assert bounded or spec.type in ("bool", "str", "metrics"), (
                f"{panel.id}: a number without limits"
            )


def test_cost_takes_the_option_over_the_run_s_own_rate() -> None:
    sent = data(run=base_run(cost_per_hour=10.0), now=NOW)
    shown = {}
    for rate in (0.0, 36.0):
        panel = driver("progress", cost_per_hour=rate)
        panel.feed(sent)
        shown[rate] = panel.text(60, 12)
    assert "at $10.00/h" in shown[0.0]
    assert "$0.47  at $36.00/h" in shown[36.0]


def test_the_person_s_smoothing_wins_over_the_option() -> None:
    panel = driver("loss", smoothing=0.9)
    panel.feed(typical("loss"))
    assert "train 6.6382" in panel.text(60, 10)
    panel.view(View(smoothing=0.0))
    assert "train 7.2064" in panel.text(60, 10)


def test_a_zoom_is_asked_for_and_an_empty_one_explained() -> None:
    panel = driver("loss")
    panel.view(View(x_start=10.0, x_end=20.0))
    assert {(q.start, q.end) for q in panel.needs.series} == {(10.0, 20.0)}
    panel.feed(data(run=run_facts()))
    assert "zoom out" in panel.text(60, 10)


def test_events_kept_are_what_history_says() -> None:
    events = [checkpoint(step, NOW - 100 + step) for step in range(30)]
    for panel_id in ("checkpoints", "samples"):
        assert driver(panel_id, history=7).needs.max_events == 7
    panel = driver("checkpoints")
    panel.feed(data(run=run_facts(), now=NOW, events=events))
    panel.render(80, 20)
    assert panel.status.startswith("30 saved")


def test_patches_are_listed_newest_first() -> None:
    events = [applied(step, cmd="set", name="eval_every", old=5, value=step) for step in (8, 15)]
    events.append(event("state", 20, what="refused", cmd="set", error="no such name"))
    panel = driver("overview", patches=1)
    panel.feed(data(run=base_run(), now=NOW, events=events))
    text = panel.text(80, 20)
    assert "5 → 15  at step 15" in text
    assert "at step 8" not in text


def test_an_x_axis_of_time_is_asked_for_in_seconds() -> None:
    panel = driver("loss", x="time")
    assert {q.x for q in panel.needs.series} == {"time"}
    panel.feed(data(metric("train/loss_raw", "time"), run=base_run(), now=NOW))
    payload = panel.render(80, 20)
    assert payload.x.unit == "s"  # type: ignore[union-attr]


def test_metrics_of_the_machine_are_asked_for_over_time() -> None:
    panel = driver("metrics", metrics=["train/*", "gpu/*/util"])
    assert {q.x for q in panel.needs.series} == {"time"}


def test_metrics_have_their_names_and_newest_values_in_the_colours_of_their_curves() -> None:
    panel = driver("metrics", metrics=["train/loss", "val/bpb"], right=["val/*"])
    panel.feed(
        data(metric("train/loss"), metric("val/bpb"), run=base_run(), now=NOW,
             latest=points(train__loss=6.5, val__bpb=2.25))
    )  # fmt: skip
    payload = panel.render(80, 20)
    assert isinstance(payload, Chart)
    styles = {plot.label: (plot.style, plot.axis) for plot in payload.plots}
    assert styles == {"train/loss": ("series-1", "left"), "val/bpb": ("series-2", "right")}
    assert [span for span in payload.caption if span[0].strip()] == [
        ("train/loss ", "series-1"), ("6.500", "bold"), ("val/bpb ", "series-2"), ("2.250", "bold"),
    ]  # fmt: skip


def test_a_limit_that_is_no_number_is_told_and_the_others_count() -> None:
    panel = driver("metrics", limits="7, high")
    panel.feed(typical("metrics"))
    payload = panel.render(80, 20)
    assert isinstance(payload, Chart)
    assert [rule.y for rule in payload.rules] == [7.0]
    assert panel.status == "limits: high is no number"


def test_more_curves_than_colours_are_counted() -> None:
    panel = driver("metrics", metrics=["a/*"])
    panel.feed(data(*(series(f"a/{i}", [1.0, 2.0]) for i in range(11)), run=base_run(), now=NOW))
    payload = panel.render(80, 20)
    assert isinstance(payload, Chart)
    assert (len(payload.plots), panel.status) == (8, "8 of 11")
