"""The hub as the core uses it: real files, a real loop, real inotify."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nanochat_host.core.telemetry import watch
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import QueryItem
from nanochat_host.paths import Paths, RunPaths
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import Data, Event, LogQuery, Needs, RunFacts, SeriesQuery

ALL = list(map(str, Capability))
LOG = b"Total batch size 1,024 => gradient accumulation steps: 1\n"


def line(kind: str = "metric", **fields: Any) -> str:
    return json.dumps({"ts": fields.pop("ts", time.time()), "kind": kind, **fields}) + "\n"


def row(step: int, **metrics: Any) -> str:
    return line(step=step, **{"train/loss": 3.0 - step * 0.01, **metrics})


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def until(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    """Give the loop turns until the condition holds."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        await asyncio.sleep(0.002)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def run(paths: Paths) -> RunPaths:
    found = paths.run("r1")
    found.root.mkdir(parents=True)
    return found


@pytest.fixture
async def hub(paths: Paths) -> AsyncIterator[TelemetryHub]:
    found = TelemetryHub(paths)
    await found.start()
    yield found
    await found.stop()


def count(hub: TelemetryHub, name: str = "train/loss") -> int:
    return next((m.count for m in hub.metrics("r1") if m.name == name), 0)


def ask(
    hub: TelemetryHub,
    needs: Needs,
    *,
    since: int = 0,
    granted: list[str] | None = None,
    run: RunFacts | None = None,
    config: dict[str, Any] | None = None,
) -> tuple[int, Data | None]:
    item = QueryItem(needs, since, ALL if granted is None else granted)
    (answer,) = hub.query("r1" if run or since >= 0 else "", [item], run, config or {}).answers
    data = None if answer.data is None else msgspec.msgpack.decode(answer.data, type=Data)
    return answer.rev, data


LOSS = Needs(series=(SeriesQuery("train/loss"),), run=False)


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


async def test_a_row_is_visible_soon_after_it_was_written(hub: TelemetryHub, run: RunPaths) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0))
    await until(lambda: count(hub) == 1)
    delays = []
    for step in range(1, 21):
        seen = asyncio.Event()
        undo = hub.subscribe(lambda i, r, e, seen=seen: seen.set() if i else None)
        began = time.monotonic()
        append(run.events_jsonl, row(step))
        await asyncio.wait_for(seen.wait(), 5)
        delays.append(time.monotonic() - began)
        undo()
    assert sorted(delays)[10] < 0.2, "inotify, not the poll every two seconds"


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


async def test_what_did_not_change_is_not_sent(hub: TelemetryHub, run: RunPaths) -> None:
    facts = RunFacts(id="r1", name="r1", state="running")
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0))
    run.out_log.write_bytes(LOG)
    await until(lambda: count(hub) == 1 and hub.facts("r1").tokens_per_step == 1024)
    lines, events = Needs(log=LogQuery(), run=False), Needs(events=("alert",), run=False)
    loss = Needs(series=LOSS.series)
    revs = {needs: ask(hub, needs, run=facts)[0] for needs in (loss, lines, events)}
    assert all(ask(hub, n, since=rev, run=facts)[1] is None for n, rev in revs.items())
    append(run.events_jsonl, row(1))
    await until(lambda: count(hub) == 2)
    facts = msgspec.structs.replace(facts, step=1)
    woken = [n for n, rev in revs.items() if ask(hub, n, since=rev, run=facts)[1] is not None]
    assert woken == [loss]
    hub.append_event(run, Event(ts=time.time(), kind="alert", fields={"message": "x"}))
    await until(lambda: hub.events("r1", ["alert"], 5))
    assert ask(hub, events, since=revs[events], run=facts)[1] is not None
    assert ask(hub, lines, since=revs[lines], run=facts)[1] is None


async def test_a_range_without_a_point_is_answered_empty(hub: TelemetryHub, run: RunPaths) -> None:
    append(run.events_jsonl, row(0) + row(1))
    hub.follow(run, live=False)
    await until(lambda: hub.is_settled("r1"))
    _, data = ask(hub, Needs(series=(SeriesQuery("train/loss", 10, start=50.0),)))
    assert data is not None
    found = data.series["train/loss"]
    assert (found.total, len(found.x)) == (0, 0)


async def test_facts_wake_panels_but_a_step_alone_only_those_without_metrics(
    hub: TelemetryHub, run: RunPaths
) -> None:
    facts = RunFacts(id="r1", name="r1", state="running", step=1)
    hub.follow(run, live=True)
    append(run.events_jsonl, row(0))
    await until(lambda: count(hub) == 1)
    chart, overview = Needs(series=LOSS.series), Needs()
    at = {n: ask(hub, n, run=facts)[0] for n in (chart, overview)}
    later = msgspec.structs.replace(facts, step=2)
    assert ask(hub, chart, since=at[chart], run=later)[1] is None
    assert ask(hub, overview, since=at[overview], run=later)[1] is not None
    ended = msgspec.structs.replace(later, state="done")
    assert ask(hub, chart, since=at[chart], run=ended)[1] is not None


NEEDS = Needs(
    series=(SeriesQuery("train/*"), SeriesQuery("sys/*")), latest=("train/loss", "gpu/*"),
    events=("sample", "alert"), log=LogQuery(), config=True, machine=True,
)  # fmt: skip


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


@pytest.mark.parametrize("granted", [[], *([c] for c in Capability)])
async def test_only_what_was_granted_is_sent(
    hub: TelemetryHub, run: RunPaths, granted: list[Capability]
) -> None:
    hub.follow(run, live=True)
    run.out_log.write_bytes(LOG)
    append(run.events_jsonl, row(0) + line("sample", text="s") + line("alert", message="a"))
    await until(lambda: hub.events("r1", ["alert"], 1) and hub.machine().cpu_count)
    facts = RunFacts(id="r1", name="r1", state="running", started_at=time.time() - 60)
    _, data = ask(hub, NEEDS, granted=list(map(str, granted)), run=facts, config={"depth": 4})
    assert data is not None
    shown = {
        Capability.METRICS: "train/loss" in data.series and "train/loss" in data.latest,
        Capability.GPU: data.machine is not None and "sys/cpu" in data.series,
        Capability.LOGS: data.log is not None,
        Capability.CONFIG: data.config == {"depth": 4},
        Capability.SAMPLES: any(e.kind == "sample" for e in data.events),
        Capability.EVENTS: any(e.kind == "alert" for e in data.events),
    }
    assert {c for c, there in shown.items() if there} == set(granted) & set(shown)
    assert set(data.denied) == set(shown) - set(granted)


async def test_the_machine_alone(hub: TelemetryHub) -> None:
    await until(lambda: hub.machine_rev > 1 and hub.machine().cpu_count)
    needs = Needs(series=(SeriesQuery("sys/cpu"),), latest=("sys/*",), machine=True)
    (answer,) = hub.query("", [QueryItem(needs, 0, ALL)], None, {}).answers
    assert answer.data is not None
    data = msgspec.msgpack.decode(answer.data, type=Data)
    assert data.machine == hub.machine() and data.latest["sys/mem_used"].value > 0
    assert all(x <= 0 for x in data.series["sys/cpu"].xs())
    assert hub.gpu_line()
    assert any(m.name == "sys/cpu" for m in hub.metrics(""))


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


async def test_a_store_that_breaks_under_a_query_is_rebuilt(
    hub: TelemetryHub, run: RunPaths
) -> None:
    hub.follow(run, live=True)
    append(run.events_jsonl, "".join(row(i) for i in range(5000)))
    await until(lambda: count(hub) == 5000)
    for file in run.telemetry.glob("*.points"):
        file.write_bytes(b"")
    needs = Needs(series=(SeriesQuery("train/loss", start=10.0, end=20.0),))
    assert ask(hub, needs)[1] is None
    await until(lambda: count(hub) == 5000)
    _, data = ask(hub, needs)
    assert data is not None and data.series["train/loss"].total == 11


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
            told.append((time.monotonic(), rev))
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
