"""What the hub answers: only what is new, and only what was granted."""

from __future__ import annotations

import time

import msgspec
import pytest
from hub_rig import ALL, LOG, LOSS, append, ask, count, line, row, until
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire import QueryItem
from nanochat_host.paths import RunPaths
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import Data, Event, LogQuery, Needs, RunFacts, SeriesQuery


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
