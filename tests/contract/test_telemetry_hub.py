"""The hub as the core uses it: real files, a real loop, real inotify."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from hub_rig import LOG, LOSS, append, ask, count, line, row, until
from nanochat_host.core.telemetry import run as telemetry_run
from nanochat_host.core.telemetry import watch
from nanochat_host.core.telemetry.decode import Decoded, decode
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.mappings import Mappings
from nanochat_host.paths import Paths, RunPaths
from nanochat_sdk.data import Event, LogQuery, Needs, SeriesQuery


async def test_a_run_is_followed_as_it_is_written(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0) + row(1)[:20])
    await until(lambda: count(hub) == 1)
    append(run.events_jsonl, row(1)[20:] + "not an event\n" + row(2))
    await until(lambda: count(hub) >= 2)
    facts = hub.facts("r1")
    assert (facts.step, facts.bad_lines) == (2, 1)
    assert facts.loss == pytest.approx(2.98)


async def test_a_row_is_visible_as_soon_as_it_was_written(
    paths: Paths, run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By inotify: it is not looked for."""
    monkeypatch.setattr(watch, "POLL_S", 3600.0)
    monkeypatch.setattr(watch, "SAFETY_POLL_S", 3600.0)
    hub = TelemetryHub(paths)
    await hub.start()
    hub.follow(run, live=True)
    for step in range(21):
        append(run.events_jsonl, row(step))
        await until(lambda: count(hub) == step + 1)  # noqa: B023
    await hub.stop()


async def test_without_inotify_it_looks_regularly(
    paths: Paths, run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise OSError("no inotify here")

    monkeypatch.setattr(watch, "Inotify", none)
    monkeypatch.setattr(watch, "POLL_S", 0.02)
    hub = TelemetryHub(paths)
    await hub.start()
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0))
    await until(lambda: count(hub) == 1)
    await hub.stop()


async def test_a_truncated_file_is_read_anew(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, "".join(row(i) for i in range(100)))
    await until(lambda: count(hub) == 100)
    run.events_jsonl.write_text(row(0) + row(1))
    await until(lambda: count(hub) == 2)


async def test_the_log_serves_where_there_is_no_hook(hub: TelemetryHub, run: RunPaths) -> None:
    log = Path(__file__).parents[1] / "data" / "logs" / "base_train_d2.log"
    run.out_log.write_bytes(log.read_bytes())
    hub.follow(run, live=False)
    await until(lambda: hub.is_settled("r1"))
    facts = hub.facts("r1")
    assert (facts.step, facts.num_steps, facts.tokens_per_step) == (60, 60, 1024)
    assert facts.val_bpb == 1.927813 and not facts.hooked and facts.device == "cpu"
    assert len(hub.events("r1", ["checkpoint"], 10)) == 3
    assert len(hub.events("r1", ["sample"], 100)) == 14
    _, data = ask(hub, LOSS)
    assert data is not None and data.series["train/loss"].total == 60


async def test_a_run_counts_as_read_when_all_was_read_and_told(
    hub: TelemetryHub, run: RunPaths
) -> None:
    told: list[int] = []
    hub.subscribe(lambda run_id, rev, events: told.extend(e.step or 0 for e in events))
    run.events_jsonl.write_text("".join(line("checkpoint", step=n) for n in range(1, 3000)))
    hub.follow(run, live=True)
    assert not hub.is_read("r1")
    await until(lambda: hub.is_read("r1"))
    assert hub.events("r1", ["checkpoint"], 1)[0].step == 2999
    append(run.events_jsonl, line("checkpoint", step=3000))
    hub.settle("r1")
    assert not hub.is_read("r1")
    await until(lambda: hub.is_read("r1"))
    assert told[-1] == 3000


async def test_scripts_that_follow_one_another_in_a_log(hub: TelemetryHub, run: RunPaths) -> None:
    logs = Path(__file__).parents[1] / "data" / "logs"
    names = ("base_train_d2", "chat_sft_d2")
    run.out_log.write_bytes(b"".join((logs / f"{name}.log").read_bytes() for name in names))
    hub.follow(run, live=False)
    await until(lambda: hub.is_settled("r1"))
    queries = [SeriesQuery("train/loss"), SeriesQuery("train/loss", x="time")]
    by_step, by_time = (ask(hub, Needs(series=(q,)))[1] for q in queries)
    assert by_step and by_time
    assert list(by_step.series["train/loss"].xs()) == list(range(1, 31))
    assert by_time.series["train/loss"].total == 90


async def test_the_log_yields_to_the_hook(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, line("state", what="instrumented", loop="While", actions={"save": 1}))
    append(run.events_jsonl, row(0) + line("checkpoint", step=20, dir="x", tag="d2", files={}))
    await until(lambda: count(hub) == 1)
    log = Path(__file__).parents[1] / "data" / "logs" / "base_train_d2.log"
    run.out_log.write_bytes(log.read_bytes())
    await until(lambda: hub.log_page("r1", LogQuery()).total and hub.facts("r1").num_steps == 60)
    hub.settle("r1")
    await until(lambda: hub.is_settled("r1"))
    assert count(hub) == 1, "no rows of the log among the hook's"
    assert len(hub.events("r1", ["checkpoint"], 10)) == 1
    assert len(hub.events("r1", ["sample"], 100)) == 14, "the hook reports no samples here"


async def test_samples_come_from_one_source(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, line("sample", step=29, text="of the hook"))
    await until(lambda: hub.events("r1", ["sample"], 5))
    log = Path(__file__).parents[1] / "data" / "logs" / "base_train_d2.log"
    run.out_log.write_bytes(log.read_bytes())
    await until(lambda: hub.facts("r1").num_steps == 60)
    hub.settle("r1")
    await until(lambda: hub.is_settled("r1"))
    assert [e.fields["text"] for e in hub.events("r1", ["sample"], 100)] == ["of the hook"]


async def test_who_hears_of_the_end_finds_the_last_lines(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0))
    await until(lambda: count(hub) == 1)
    append(run.events_jsonl, row(1))
    run.out_log.write_text("one\nRuntimeError: out of luck")
    hub.settle("r1")
    assert hub.is_settled("r1") and count(hub) == 2
    assert [line.text for line in hub.log_page("r1", LogQuery()).lines][-1].endswith("out of luck")


async def test_alerts_are_events_and_survive_a_new_core(paths: Paths, run: RunPaths) -> None:
    for _ in range(2):
        hub = TelemetryHub(paths)
        await hub.start()
        hub.follow(run, live=True)
        append(run.events_jsonl, row(hub.facts("r1").step + 1, **{"train/loss": "nan"}))
        await until(lambda: hub.events("r1", ["alert"], 5))  # noqa: B023
        step = hub.facts("r1").step
        append(run.events_jsonl, row(step + 1, **{"train/loss": "nan"}))
        await until(lambda: hub.facts("r1").step == step + 1)  # noqa: B023
        await hub.stop()
    written = [json.loads(text) for text in run.events_jsonl.read_text().splitlines()]
    rules = [e["rule"] for e in written if e["kind"] == "alert"]
    assert rules.count("not_finite") == 1


async def test_the_speed_of_a_run_outlives_the_core_and_the_stage(
    paths: Paths, run: RunPaths
) -> None:
    start = {"what": "loop_start", "facts": {"num_flops_per_token": 2e6, "device_type": "cpu"}}
    rates = [9e9, 4000.0, float("nan"), 6000.0, 5000.0]
    rows = "".join(row(i, **{"train/tok_per_sec": rate}) for i, rate in enumerate(rates))
    append(run.events_jsonl, line("state", step=0, **start) + rows.replace("NaN", '"nan"'))
    stage = line("state", what="stage", index=1, title="chat_sft")
    for more, index in (("", -1), (stage, 1)):
        hub = TelemetryHub(paths)
        await hub.start()
        hub.follow(run, live=True)
        append(run.events_jsonl, more or row(5))
        await until(lambda: hub.facts("r1").stage_index == index and count(hub) == 6)  # noqa: B023
        await hub.stop()
        assert hub.facts("r1").flops_per_s == pytest.approx(5500 * 2e6)


async def test_a_torn_line_costs_only_itself(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0) + '{"ts": 1, "kind": "met')
    await until(lambda: count(hub) == 1)
    event = Event(ts=2.0, kind="state", fields={"what": "lost", "value": float("nan")})
    hub.append_event(run, event)
    await until(lambda: hub.events("r1", ["state"], 1))
    assert hub.events("r1", ["state"], 1)[0].fields == {"what": "lost", "value": "nan"}
    assert hub.facts("r1").bad_lines == 1


async def test_ended_runs_go_to_disk_when_memory_is_short(paths: Paths) -> None:
    hub = TelemetryHub(paths, memory_limit_bytes=20_000)
    await hub.start()
    runs = [paths.run(f"r{i}") for i in range(4)]
    for found in runs:
        found.root.mkdir(parents=True)
        append(found.events_jsonl, "".join(row(i) for i in range(3000)))
        hub.follow(found, live=False)
    await until(lambda: all(hub.is_settled(found.run_id) for found in runs))
    await until(lambda: hub.memory_bytes <= 20_000)
    for found in runs:
        assert hub.facts(found.run_id).step == 2999
        (info,) = hub.metrics(found.run_id)
        assert info.count == 3000
    await hub.stop()


async def test_forgotten_is_gone(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0))
    await until(lambda: count(hub) == 1)
    hub.forget("r1")
    assert hub.metrics("r1") == [] and hub.facts("r1").step == -1 and hub.rev("r1") == 0


async def test_changes_are_told_together(hub: TelemetryHub, run: RunPaths) -> None:
    told: list[tuple[float, int]] = []
    events: list[str] = []

    def callback(run_id: str, rev: int, new: list[Event]) -> None:
        if run_id:
            told.append((hub._notifier._last, rev))  # a busy machine may come here later
            events.extend(str(e.fields["what"]) for e in new)

    hub.subscribe(callback)
    hub.follow(run, live=True)
    for i in range(400):
        append(run.events_jsonl, line("state", what=f"w{i}"))
        if i % 20 == 0:
            await asyncio.sleep(0.001)
    await until(lambda: len(events) == 400)
    assert events == [f"w{i}" for i in range(400)], "each once, in order"
    gaps = [b[0] - a[0] for a, b in pairwise(told)]
    assert all(gap > 0.014 for gap in gaps)
    assert [rev for _, rev in told] == sorted(rev for _, rev in told)


async def test_a_line_that_no_reader_foresaw_stops_no_other_run(
    hub: TelemetryHub, run: RunPaths, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode_with_a_bug(chunk: bytes) -> Decoded:
        if b"unforeseen" in chunk:
            raise TypeError("a bug")
        return decode(chunk)

    monkeypatch.setattr(telemetry_run, "decode", decode_with_a_bug)
    append(run.events_jsonl, line("state", what="unforeseen"))
    other = paths.run("r2")
    other.root.mkdir()
    append(other.events_jsonl, row(7))
    hub.follow(run, live=True)
    hub.follow(other, live=True)
    await until(lambda: hub.facts("r2").step == 7)
    append(run.events_jsonl, row(8))
    await until(lambda: hub.facts("r1").step == 8)


async def test_ended_runs_keep_no_file_open(paths: Paths, run: RunPaths) -> None:
    append(run.events_jsonl, row(0))
    run.out_log.write_bytes(LOG)
    for _ in ("read to its end", "known from an earlier core"):
        hub = TelemetryHub(paths)
        await hub.start()
        hub.follow(run, live=False)
        await until(lambda: hub.is_settled("r1") and not open_in(run.root))  # noqa: B023
        assert hub.facts("r1").step == 0
        await hub.stop()


async def test_reading_anew_lets_go_of_the_files(hub: TelemetryHub, run: RunPaths) -> None:
    append(run.events_jsonl, row(0))
    run.out_log.write_bytes(LOG)
    hub.follow(run, live=True)
    await until(lambda: hub.facts("r1").tokens_per_step)
    for step in range(1, 4):
        hub.use(Mappings(signature=str(step)), [])
        append(run.events_jsonl, row(step))
        await until(lambda: hub.facts("r1").step == step and hub.facts("r1").tokens_per_step)  # noqa: B023
    assert sorted(open_in(run.root)) == ["events.jsonl", "out.log"]


def open_in(folder: Path) -> list[str]:
    """Names of the files of a folder that this process holds open."""
    held = (Path(file.path) for file in psutil.Process().open_files())
    return [path.name for path in held if path.parent == folder]
