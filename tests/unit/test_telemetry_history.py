"""The newest events kept for panels: kinds and names of spans do not push each other out."""

from __future__ import annotations

from typing import Any

from nanochat_host.core.telemetry.history import ANSWER_BYTES, KEPT, KEPT_BYTES, SPAN_NAMES, History
from nanochat_sdk.data import Event


def span(name: str, ts: float, **fields: Any) -> Event:
    return Event(ts=ts, kind="span", fields={"name": name, **fields})


def names(events: list[Event]) -> list[str]:
    return [event.fields["name"] for event in events]


def test_a_frequent_span_does_not_push_out_a_rare_one() -> None:
    history = History([span("rare", 1.0)])
    for i in range(3 * KEPT):
        history.add(span("frequent", 2.0 + i), rev=i)
    assert names(history.newest(("span",), 10, ("rare",))) == ["rare"]
    assert len(history.newest(("span",), KEPT)) == KEPT
    assert len(history.all()) == KEPT + 1


def test_spans_are_chosen_by_name_and_other_kinds_are_not_held_to_it() -> None:
    sample = Event(ts=2.5, kind="sample", fields={"name": "x"})
    history = History([span("lens_usage", 1.0), span("gist_usage", 2.0), sample, span("tree", 3.0)])
    found = history.newest(("span", "sample"), 10, ("*_usage",))
    assert names(found) == ["lens_usage", "gist_usage", "x"]
    assert history.newest(("span",), 10, ("nothing",)) == []


def test_each_span_that_is_named_has_its_own_limit() -> None:
    history = History([span("rare", 1.0), *(span("frequent", 2.0 + i) for i in range(50))])
    assert names(history.newest(("span",), 3)) == ["frequent"] * 3
    assert names(history.newest(("span",), 3, ("*are", "frequent"))) == ["rare"] + ["frequent"] * 3


def test_events_of_one_moment_keep_their_order() -> None:
    history = History(span(f"s{i}", 1.0, n=i) for i in range(5))
    for i in range(20):
        history.add(span("same", 1.0, n=i), rev=1)
    assert [e.fields["n"] for e in history.newest(("span",), 3, ("same",))] == [17, 18, 19]


def test_only_events_asked_for_move_the_revision() -> None:
    history = History([span("a", 1.0)], rev=1)
    history.add(span("b", 2.0), rev=7)
    assert history.rev(("span",), ("a",)) == 1
    assert history.rev(("span",)) == 7
    assert history.rev(("sample",)) == 0


def test_large_spans_are_fewer_in_memory_and_in_an_answer() -> None:
    history = History()
    text = "x" * 60_000
    for i in range(400):
        history.add(span(f"big{i % 4}", float(i), text=text), rev=i)
    held = len(history.all())
    assert held * len(text) <= 4 * KEPT_BYTES
    answer = history.newest(("span",), KEPT)
    assert 0 < len(answer) * len(text) <= ANSWER_BYTES
    assert answer[-1].ts == 399.0
    one = span("huge", 1e3, text="x" * (2 * ANSWER_BYTES))
    history.add(one, rev=1)
    assert history.newest(("span",), 5)[-1] is one


def test_names_without_end_share_a_shelf() -> None:
    history = History(span(f"name{i}", float(i)) for i in range(20 * KEPT))
    assert len(history.all()) <= SPAN_NAMES + KEPT
