"""The figures the panels work out themselves: time left, smoothing, shares, drops, plans."""

from __future__ import annotations

import math
from typing import Any

import pytest
from nanochat_panels.lines import Field, caption, fields, labelled
from nanochat_panels.pace import pace
from nanochat_panels.schedule import plan_of
from nanochat_sdk import Chart, Data, Event, Size
from nanochat_sdk.testing import EPOCH, data, event, machine, points, run_facts, series
from panel_cases import CONFIG, STEPS, driver, metric, typical


def steps_at(times: list[float], **parts: Any) -> Data:
    """A run whose steps ended at these seconds."""
    run = run_facts(step=len(times), num_steps=400)
    return data(series("train/dt", [0.1] * len(times), times, 200), run=run, **parts)


def test_why_a_run_failed_has_the_whole_line() -> None:
    reason = "error: no checkpoint of step 77 in base_checkpoints/zzz"
    sent = data(run=run_facts(state="failed", reason=reason, started_at=EPOCH))
    panel = driver("progress")
    panel.feed(sent)
    for height in (3, 4, 8):
        shown = panel.text(77, height)
        assert f"failed: {reason}" in shown.splitlines()[1], shown
        assert "elapsed" in shown


def test_time_left_counts_evaluations_and_not_compilation() -> None:
    """One step a second, an evaluation of 10 s after every tenth, 60 s of compilation first."""
    times, now = [], 60.0
    for step in range(1, 101):
        now += 1 + (10 if step % 10 == 0 else 0)
        times.append(now)
    known = pace(steps_at(times))
    assert known is not None
    assert known.seconds_per_step == pytest.approx(2.0, rel=0.1)
    assert "evals included" in known.how


def test_time_left_leaves_pauses_out() -> None:
    times = [float(i) for i in range(50)] + [float(i) + 1000 for i in range(50, 100)]
    events = [
        event("state", 50, EPOCH + 49.5, what="paused"),
        event("state", 50, EPOCH + 1049.5, what="resumed"),
    ]
    with_pause = pace(steps_at(times, events=events))
    assert with_pause is not None
    assert with_pause.seconds_per_step == pytest.approx(1.0, rel=0.05)


def test_time_left_of_a_source_that_reports_every_tenth_step() -> None:
    times = [10.0 * i for i in range(40)]
    sent = steps_at(times)
    by_step = series("train/tok_per_sec", [1.0] * 40, [10.0 * i for i in range(40)])
    known = pace(Data(run=sent.run, series=sent.series | {"train/tok_per_sec": by_step}))
    assert known is not None
    assert known.seconds_per_step == pytest.approx(1.0, rel=0.05)


def test_time_left_from_one_step_says_so() -> None:
    known = pace(data(run=run_facts(), latest=points(train__dt=0.25)))
    assert known == (0.25, "from the last step alone")
    assert pace(data(run=run_facts())) is None


def test_progress_of_a_stage_that_only_says_percent() -> None:
    run = run_facts(step=30, num_steps=0)
    latest = points(progress__percent=25.0, train__dt=2.0)
    panel = driver("progress")
    panel.feed(data(run=run, latest=latest))
    text = panel.text(60, 8)
    assert "25.0 %" in text
    assert "left     3m00s" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "done", "ended_at": EPOCH + 192}, "done in 3m12s"),
        ({"state": "failed", "reason": "CUDA out of memory"}, "failed: CUDA out of memory"),
        ({"state": "failed", "exit_code": 137}, "failed: exit code 137"),
        ({"state": "paused"}, "paused at step 120"),
        ({"state": "lost", "reason": "the machine restarted"}, "lost: the machine restarted"),
        ({"state": "stopping"}, "stopping: the step is finished and saved first"),
        ({"state": "starting", "step": -1}, "starting: imports and compilation come first"),
        ({"state": "queued", "step": -1}, "queued"),
    ],
)
def test_a_run_s_state_in_words(changes: dict[str, Any], words: str) -> None:
    for panel_id in ("progress", "overview"):
        panel = driver(panel_id)
        panel.feed(data(run=run_facts(**changes)))
        assert words in panel.text(80, 12)


def test_a_long_pipeline_shows_the_stages_around_the_active_one() -> None:
    names = [f"stage_{i}" for i in range(12)]
    panel = driver("progress")
    panel.feed(data(run=run_facts(pipeline=names, stage_index=8)))
    last = panel.text(50, 12).rstrip().splitlines()[-1]
    assert last.startswith("… ")
    assert "▶ stage_8" in last
    assert "8" not in driver("progress").text(50, 12)


def test_our_smoothing_is_the_trainer_s_own_on_the_same_steps() -> None:
    """nanochat debiases an average of weight 0.9: the panel's agrees to the last digit shown."""
    panel = driver("loss")
    panel.feed(data(metric("train/loss_raw"), run=run_facts(step=33)))
    assert f"train {STEPS[-1]['train/loss']:.4f}" in panel.text(60, 10)


def test_nan_losses_are_counted_and_marked() -> None:
    losses = [3.0] * 40 + [math.nan] * 5
    panel = driver("loss")
    panel.feed(data(series("train/loss_raw", losses), run=run_facts(step=45)))
    assert "5 NaN or inf" in panel.text(60, 10)
    chart = panel.render(60, 10)
    assert isinstance(chart, Chart)
    assert len(chart.plots[0].nonfinite) == 5 * 8


def test_the_best_evaluation_is_marked_on_its_own_axis() -> None:
    panel = driver("loss")
    panel.feed(typical("loss"))
    chart = panel.render(80, 20)
    assert isinstance(chart, Chart)
    (mark,) = chart.marks
    assert (mark.axis, mark.x, mark.y) == ("right", 31.0, 2.467056)


def test_a_spike_reaches_the_chart() -> None:
    losses = [2.0] * 5000
    losses[2777] = 90.0
    panel = driver("loss")
    panel.feed(data(series("train/loss_raw", losses, columns=160), run=run_facts()))
    assert panel.text(80, 20).splitlines()[1].startswith("  90.00│")


def test_evaluations_that_are_all_infinite_point_at_eval_tokens() -> None:
    panel = driver("validation")
    panel.feed(data(series("val/bpb", [math.inf] * 3), run=run_facts()))
    assert "eval_tokens" in panel.text(60, 10)


def test_core_and_its_tasks_stand_beside_the_evaluations() -> None:
    latest = points(core__hellaswag=0.2612, core__arc_easy=0.5533)
    found = [series("val/bpb", [0.9, 0.8]), series("core_metric", [0.12, 0.2219])]
    panel = driver("validation")
    panel.feed(data(*found, run=run_facts(), latest=latest))
    text = panel.text(100, 20)
    assert "CORE 0.2219" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["task", "score"] in [row[-2:] for row in rows]
    assert ["hellaswag", "0.2612"] in [row[-2:] for row in rows]


def test_a_stage_with_chatcore_alone_shows_it() -> None:
    panel = driver("validation")
    found = series("chatcore_metric", [0.1, 0.15])
    panel.feed(data(found, run=run_facts(), latest=points(chatcore__MMLU=0.31)))
    text = panel.text(60, 14)
    assert "ChatCORE 0.1500" in text
    assert "MMLU" in text


def test_a_drop_in_throughput_names_what_takes_the_time() -> None:
    rate = series("train/tok_per_sec", [1000.0] * 95 + [500.0] * 5)
    latest = points(train__tok_per_sec=500.0, time__data=0.8, time__forward_backward=0.9)
    panel = driver("throughput")
    panel.feed(data(rate, run=run_facts(), latest=latest))
    text = panel.text(80, 12)
    assert "50 % below the usual 1,000 tok/s; data takes 47 % of the step" in text


def test_steady_throughput_has_no_hint_and_mfu_only_where_it_is_known() -> None:
    panel = driver("throughput")
    panel.feed(data(series("train/tok_per_sec", [1000.0] * 60), run=run_facts()))
    assert "below" not in panel.text(80, 12)
    panel.feed(typical("throughput"))
    assert "MFU" not in panel.text(80, 12)
    found = [series("train/tok_per_sec", [1e6] * 9), series("train/mfu", [41.2] * 9)]
    panel.feed(data(*found, run=run_facts(), latest=points(train__mfu=41.2)))
    assert "MFU 41.2 %" in panel.text(80, 12)


def test_timers_share_an_evaluation_over_all_steps() -> None:
    found = [series("time/forward_backward", [0.1] * 50), series("time/eval", [5.0], [49])]
    panel = driver("timers")
    panel.feed(data(*found, run=run_facts()))
    text = panel.text(60, 10)
    assert "200 ms a step" in text
    assert text.count("50.0 %") == 2


def test_timers_in_milliseconds_are_understood() -> None:
    found = [series("time/forward_ms", [80.0] * 9), series("time/optimizer_ms", [20.0] * 9)]
    panel = driver("timers")
    panel.feed(data(*found, run=run_facts()))
    text = panel.text(60, 10)
    assert "100 ms a step" in text
    assert "80.0 %" in text
    hooked = [series("time/forward_backward", [0.1] * 9), series("time/optimizer", [0.3] * 9)]
    panel.feed(data(*found, *hooked, run=run_facts()))
    assert "400 ms a step" in panel.text(60, 10), "no part counts twice"


@pytest.mark.parametrize(
    ("step", "phase"),
    [(2, "warm-up until 5"), (15, "plateau until 21"), (60, "warm-down to x0.050")],
)
def test_the_plan_follows_the_options(step: int, phase: str) -> None:
    plan = plan_of(CONFIG, 60)
    assert plan is not None
    assert plan.phase(step) == phase
    assert plan.corners() == [(0.0, 0.2), (5.0, 1.0), (21.0, 1.0), (60.0, 0.05)]


def test_no_plan_without_its_options() -> None:
    assert plan_of({}, 60) is None
    assert plan_of(CONFIG, 0) is None


def test_changes_made_by_hand_are_marked_on_the_schedule() -> None:
    panel = driver("schedule")
    panel.feed(typical("schedule"))
    chart = panel.render(80, 20)
    assert isinstance(chart, Chart)
    assert [(mark.x, mark.label) for mark in chart.marks] == [
        (12.0, "x0.500"),
        (20.0, "num_iterations=80"),
    ]


def test_stale_numbers_are_said_to_be_stale() -> None:
    panel = driver("loss")
    sent = typical("loss")
    panel.feed(Data(now=sent.now + 60, run=sent.run, series=sent.series, latest=sent.latest))
    panel.render(60, 10)
    assert panel.status == "stale 1m02s"


def test_more_gpus_than_lines_are_counted() -> None:
    sent = typical("gpu")
    panel = driver("gpu")
    panel.feed(Data(now=sent.now, latest=sent.latest, machine=machine(gpus=8)))
    assert "and 5 more" in panel.text(40, 4)
    assert "more" not in panel.text(40, 8)
    assert "power" in panel.text(120, 16)


def test_fields_use_a_second_column_only_where_it_fits() -> None:
    items = [Field(f"f{i}", str(i)) for i in range(8)]
    assert len(fields(items, Size(80, 4))) == 4
    assert any("f4" in text for text, _ in fields(items, Size(80, 4))[0])
    narrow = fields(items, Size(40, 4))
    assert not any("f4" in text for line in narrow for text, _ in line)


def test_captions_drop_whole_parts_from_the_end() -> None:
    parts = [labelled("train", "6.64"), labelled("val", "2.46")]
    assert "".join(text for text, _ in caption(parts, 80)) == "train 6.64   val 2.46"
    assert "".join(text for text, _ in caption(parts, 20)) == "train 6.64"


def test_alerts_that_are_over_are_quiet_and_the_newest_is_named() -> None:
    def ended(rule: str, ago_s: float) -> Event:
        fields = {"rule": rule, "message": f"over: {rule}", "active": False}
        return event("alert", 5, EPOCH + 300 - ago_s, **fields)

    panel = driver("alerts")
    panel.feed(data(run=run_facts(), events=[ended("newer", 60), ended("older", 120)]))
    text = panel.text(60, 8)
    assert "all quiet" in text
    assert "newer: over 1m ago" in text
    assert "older" not in text


def test_an_option_left_to_the_script_is_not_shown() -> None:
    panel = driver("overview")
    panel.feed(data(run=run_facts(), config={"depth": 4, "total_batch_size": -1}))
    text = panel.text(60, 20)
    assert "depth" in text
    assert "total_batch_size" not in text
