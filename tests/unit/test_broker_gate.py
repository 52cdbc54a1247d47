"""The gate: every question, action and part of the data takes a permission, and what the tables do
not know is denied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from nanochat_host.core.broker.service import Broker
from nanochat_host.core.telemetry.query import allowed
from nanochat_host.packs.broker import Desk
from nanochat_host.paths import Paths
from nanochat_sdk import Fetch, LogQuery, Needs, SeriesQuery, StoreDelete, StoreGet, StorePut
from nanochat_sdk.asks import METHODS, Ask, Asked, StoreList, permission_for
from nanochat_sdk.capabilities import ACTIONS, Capability

QUESTIONS: dict[type[Any], Ask] = {
    StoreGet: StoreGet("k"),
    StorePut: StorePut("k", b"v"),
    StoreDelete: StoreDelete("k"),
    StoreList: StoreList(),
    Fetch: Fetch("https://api.example.org/x"),
}
NEEDS = {
    "series": Needs(series=(SeriesQuery("train/loss"), SeriesQuery("gpu/0/util"))),
    "latest": Needs(latest=("train/loss", "sys/cpu")),
    "events": Needs(events=("checkpoint", "sample")),
    "log": Needs(log=LogQuery()),
    "config": Needs(config=True),
    "machine": Needs(machine=True),
}
FREE = {"run", "max_events", "spans"}
"""Parts of the needs that bring nothing by themselves, and the run's facts."""


class Later(msgspec.Struct, tag="files:write", tag_field="ask"):
    """A method nobody has written yet."""


def test_every_question_is_tried_here_and_in_the_table() -> None:
    assert set(get_args(Ask)) == QUESTIONS.keys()
    assert {kind.__struct_config__.tag for kind in QUESTIONS} == METHODS.keys()


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=lambda ask: type(ask).__name__)
async def test_a_question_passes_with_its_permission_and_no_other(ask: Ask, tmp_path: Path) -> None:
    needed = permission_for(ask)
    assert needed is not None
    others = {*Capability, "net:other.example:443", "net:api.example.org:80"} - {needed}
    for granted in (frozenset(), frozenset(others)):
        desk = Desk(granted)
        desk.take_in([Asked(1, ask)])
        assert desk.take_wanted() == []
        assert desk.take_answers()[1].status == "denied"
        assert (await Broker(Paths(tmp_path)).answer("p", ask, granted)).status == "denied"
    desk = Desk({needed})
    desk.take_in([Asked(1, ask)])
    assert [asked.ask for asked in desk.take_wanted()] == [ask]


async def test_a_question_that_the_table_does_not_know_is_denied(tmp_path: Path) -> None:
    everything = {*Capability, "files:write", "net:api.example.org:443"}
    desk = Desk(everything)
    desk.take_in([Asked(1, Later())])  # type: ignore[arg-type]
    assert desk.take_wanted() == []
    assert desk.take_answers()[1].status == "denied"
    answer = await Broker(Paths(tmp_path)).answer("p", Later(), everything)  # type: ignore[arg-type]
    assert answer.status == "denied"


def test_every_part_of_the_data_takes_a_permission() -> None:
    assert set(Needs.__struct_fields__) - FREE == NEEDS.keys()
    for part, needs in NEEDS.items():
        kept, missing = allowed(needs, set())
        assert not getattr(kept, part), part
        assert missing
        assert allowed(needs, set(map(str, Capability)))[0] == needs


def test_every_action_takes_a_permission_that_can_be_granted() -> None:
    assert set(ACTIONS.values()) <= set(Capability)
    assert "stop" not in ACTIONS
