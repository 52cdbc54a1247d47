"""Log lines and spans to metrics and events, as packs declare it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from nanochat_host.core.telemetry import index
from nanochat_host.core.telemetry.mappings import NO_MAPPINGS, compile_mappings
from nanochat_host.core.telemetry.run import RunTelemetry

from tests.unit.declare_rig import STEP, Mapped, declared, mappings

TIMERS = """
[[telemetry.logs]]
line = "[MC Timers] build={mc/build_ms:float}ms, {*}total={mc/total_ms:float}ms{*}"
step = "next"
[[telemetry.logs]]
line = "[Timers] controller: {mc/controller_ms:float} ms"
"""
BLOCK = """
[[telemetry.logs]]
line = "[LOD ASCII][train step {step:int}]"
span = "lod"
rows = [
  "  sample{sample:int}/var{var:int} {row:text} [{source:text}] ({wc:int})",
  "  total {mc/total:int}",
]
[[telemetry.logs]]
line = "[LOD ASCII][{label:text}]"
span = "lod"
rows = ["  seq{seq:int}: {row:text} ({wc:int})"]
"""


def test_a_line_before_or_after_its_steps_own_gets_the_right_step(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", TIMERS)
    run.log("Step 00000 | Validation bpb: 3.7116")
    for s in range(3):
        timers = f"[MC Timers] build={s}.5ms, lens=0.1ms, total={s + 10}ms, other=1ms"
        run.log(timers, STEP.format(s=s), f"[Timers] controller: {s}.25 ms")
    assert run.points("mc/build_ms") == [(0, 0.5), (1, 1.5), (2, 2.5)]
    assert run.points("mc/total_ms") == [(0, 10), (1, 11), (2, 12)]
    assert run.points("mc/controller_ms") == [(0, 0.25), (1, 1.25), (2, 2.25)]
    assert run.run.facts.step == 2
    run.log("Step 00003 | Validation bpb: 3.7116", "[MC Timers] build=9ms, total=9ms")
    assert run.points("mc/build_ms")[-1] == (3, 9)


def test_a_line_printed_for_each_micro_step_counts_once(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", TIMERS)
    run.log("[MC Timers] build=1ms, total=1ms", "[MC Timers] build=2ms, total=2ms")
    assert run.points("mc/build_ms") == [(0, 1.0)]


def test_rows_below_a_line_are_one_event(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", BLOCK)
    run.log(
        "noise", "[LOD ASCII][train step 4]", "  sample00/var00 X..⊙⊙ [lod_0_baseline] (171)",
        "  sample01/var01 .| ═|.⊙ [random_variant_0] (9)", "  total 7", "something else",
        "  sample02/var00 .. [late] (1)",
    )  # fmt: skip
    [event] = run.spans("lod")
    assert (event["step"], event["source"]) == (4, "log")
    assert event["rows"] == [
        {"sample": 0, "var": 0, "row": "X..⊙⊙", "source": "lod_0_baseline", "wc": 171},
        {"sample": 1, "var": 1, "row": ".| ═|.⊙", "source": "random_variant_0", "wc": 9},
    ]
    assert run.points("mc/total") == [(4, 7)]


def test_a_declared_line_ends_the_sample_above_it(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", TIMERS)
    run.log("<|bos|>The capital of", "France", "[MC Timers] build=1ms, total=2ms", "noise")
    [event] = run.run.history.newest(("sample",), 9)
    assert event.fields["text"] == "The capital of\nFrance"
    assert run.points("mc/build_ms") == [(0, 1.0)]


def test_a_block_goes_on_across_reads_and_ends_with_the_log(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", BLOCK)
    run.log("[LOD ASCII][t=1120]")
    run.log("  seq00: ─.──⊙⊙ (407)")
    assert run.spans("lod") == []
    run.run.live = False
    run.read()
    [event] = run.spans("lod")
    assert event["label"] == "t=1120" and event["step"] is None
    assert event["rows"] == [{"seq": 0, "row": "─.──⊙⊙", "wc": 407}]


def test_rows_without_end_are_bounded(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", BLOCK)
    run.log("[LOD ASCII][x]", *["  seq00: . (1)"] * 1000, "end")
    assert len(run.spans("lod")[0]["rows"]) == 256


def test_the_hook_does_not_silence_what_packs_declare(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", TIMERS)
    run.event("state", what="instrumented", loop="while", live=[])
    run.log(STEP.format(s=0), "[Timers] controller: 1.5 ms")
    assert run.points("mc/controller_ms") == [(0, 1.5)]
    assert run.points("train/loss") == []


def test_a_log_that_is_read_after_the_hook_does_not_take_the_run_back(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", TIMERS)
    run.event("state", what="instrumented", loop="while", live=[])
    run.metric("train/loss", 4.0, 3.0, step=8)
    run.log(STEP.format(s=0), STEP.format(s=1))
    assert run.points("progress/percent") == [(0, 3.33), (1, 3.33)]
    assert run.run.facts.step == 9


SPANS = """
[[telemetry.spans]]
span = "delta"
step = "mc.session_id=train_step_{step:int}{*}"
metrics = { "mc.mean" = "mc/mean" }
[[telemetry.spans]]
span = "lod"
metrics = { "mc.lod_{n:int}_loss" = "mc/lod/{n}" }
[[telemetry.spans]]
span = "focus"
step = "count"
where = { "mc.source" = "inference" }
metrics = { "mc.util" = "mc/util" }
[[telemetry.spans]]
span = "tree"
json = ["mc.summary"]
metrics = { "mc.summary/0/1" = "mc/nodes", "mc.summary/x" = "mc/none" }
[[telemetry.metrics]]
name = "mc/queue"
unit = "items"
from = "otel.queue"
"""


def test_spans_become_metrics_at_their_step(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", SPANS)
    run.span("delta", mc__session_id="train_step_3_sample_1", mc__mean=0.5)
    run.span("delta", mc__session_id="infer_00ff", mc__mean=9.0)
    run.span("delta", mc__session_id="train_step_4", mc__mean="nan")
    run.span("lod", step=3, mc__lod_0_loss=1.0, mc__lod_12_loss=2.0, mc__lod_x_loss=3.0)
    run.span("tree", step=3, mc__summary='{"0": [1, 256]}')
    assert run.points("mc/mean")[0] == (3, 0.5) and len(run.points("mc/mean")) == 2
    assert run.points("mc/lod/0") == [(3, 1.0)] and run.points("mc/lod/12") == [(3, 2.0)]
    assert run.points("mc/nodes") == [(3, 256)] and not run.points("mc/none")
    assert len(run.spans("delta")) == 3


def test_counted_spans_are_numbered_and_do_not_move_the_run(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", SPANS)
    run.metric("train/loss", 4.0, step=7)
    for value in (0.1, 0.2, 0.3):
        run.span("focus", mc__source="inference", mc__util=value)
    run.span("focus", mc__source="training", mc__util=9.0)
    assert run.points("mc/util") == [(0, 0.1), (1, 0.2), (2, 0.3)]
    run.event("metric", x=1.0)
    assert run.points("x") == [(7, 1.0)]


def test_what_spans_report_is_left_out_of_the_log(tmp_path: Path) -> None:
    both = SPANS + '[[telemetry.logs]]\nline = "mean {mc/mean:float} at {step:int}"\n'
    run = Mapped(tmp_path / "r", both)
    run.span("delta", mc__session_id="train_step_3", mc__mean=0.5)
    run.log("mean 7 at 1")
    assert run.points("mc/mean") == [(3, 0.5)]


def test_a_metric_reported_under_another_name_gets_its_own(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", SPANS)
    run.event("metric", step=1, **{"otel.queue": 5.0})
    assert run.points("mc/queue") == [(1, 5.0)] and not run.points("otel.queue")


def test_json_that_is_none_or_deep_is_left_out(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", SPANS)
    for text in ("{", "[" * 100_000, '{"0": 3}', '{"0": ["a", "b"]}', "null", "7"):
        run.span("tree", step=1, mc__summary=text)
    assert not run.points("mc/nodes")


def test_a_pack_cannot_crowd_out_the_runs_own_columns(tmp_path: Path) -> None:
    text = '[[telemetry.spans]]\nspan = "s"\nmetrics = { "a{k:word}_x" = "mc/{k}" }\n'
    run = Mapped(tmp_path / "r", text)
    for block in range(30):
        run.event("span", name="s", **{f"a{block}i{i}_x": 1.0 for i in range(100)})
    run.metric("train/loss", 4.0)
    assert run.points("train/loss") and len(run.run.store.columns) <= 1024 + 128


def test_of_two_packs_with_one_metric_the_first_counts_and_it_is_said() -> None:
    text = """
[telemetry]
prefix = "else/"
[[telemetry.logs]]
line = "a {else/x:float}"
"""
    found, lost = compile_mappings([declared(text, "aa"), declared(text, "bb")])
    assert [bool(rule.metrics) for rule in found.logs] == [True, False]
    assert list(lost) == ["bb"] and "`else/x`" in lost["bb"] and "`aa`" in lost["bb"]


def test_what_packs_declare_now_counts_for_what_was_written_before(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", "")
    run.log("[Timers] controller: 1.5 ms", STEP.format(s=0))
    run.span("delta", mc__session_id="train_step_0", mc__mean=0.5)
    assert not run.points("mc/controller_ms") and not run.points("mc/mean")
    run.run.remap(mappings(TIMERS + SPANS))
    run.read()
    assert run.points("mc/controller_ms") == [(0, 1.5)] and run.points("mc/mean") == [(0, 0.5)]
    assert run.points("train/loss") == [(0, 4.0)]
    run.run.remap(NO_MAPPINGS)
    run.read()
    assert not run.points("mc/controller_ms") and run.points("train/loss") == [(0, 4.0)]


def test_a_core_that_comes_back_reads_anew_only_if_packs_changed(tmp_path: Path) -> None:
    run = Mapped(tmp_path / "r", TIMERS)
    run.log(STEP.format(s=0), "[Timers] controller: 1.5 ms")
    (run.paths.telemetry / index.FILE).write_bytes(run.run.save())
    same = RunTelemetry(run.paths, count(1).__next__, live=True, mappings=mappings(TIMERS))
    assert "mc/controller_ms" in same.store.columns and same.events_tail.offset == 0
    other = RunTelemetry(run.paths, count(1).__next__, live=True)
    assert not other.store.columns
