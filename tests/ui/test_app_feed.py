"""The data plane: what is asked for, when, and in how many requests."""

from __future__ import annotations

import asyncio
import time

import pytest
from feed_rig import Stand, settle
from nanochat_host.ui import feed
from nanochat_host.ui.feed import RENEW_EVERY_S
from nanochat_host.ui.slot import wants_machine
from nanochat_sdk.data import Needs, SeriesQuery
from nanochat_sdk.protocol import Act, Input


async def test_all_panels_of_a_screen_share_one_query() -> None:
    stand = Stand([Needs()] * 7)
    await stand.begin()
    assert len(stand.core.queries) == 1
    assert len(stand.core.queries[0].items) == 7
    assert stand.core.queries[0].items[0].granted == ["metrics:read"]
    assert all(len(p.pulls) == 1 and p.pulls[0]["data"] == b"data" for p in stand.processes)


async def test_nothing_is_asked_while_nothing_moves() -> None:
    stand = Stand([Needs()] * 3)
    await stand.begin()
    await settle()
    assert stand.feed._timer is None
    assert len(stand.core.queries) == 1


async def test_a_panel_that_was_quiet_is_pulled_at_once_and_a_hot_one_at_its_rate() -> None:
    stand = Stand([Needs()], hz=0.01)
    await stand.begin()
    stand.slots[0].pulled_at -= 100.0
    stand.core.rev += 1
    stand.feed.mark(run=True, machine=False)
    await settle()
    assert len(stand.core.queries) == 2, "leading edge: no phase to wait for"
    stand.answer()
    stand.core.rev += 1
    stand.feed.mark(run=True, machine=False)
    await settle()
    assert len(stand.core.queries) == 2
    assert stand.feed._timer is not None
    stand.slots[0].period_s = time.monotonic() - stand.slots[0].pulled_at + 0.05
    stand.feed.kick()
    await stand.until(lambda: len(stand.core.queries) == 3)


async def test_the_core_says_nothing_new_and_no_worker_is_woken() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    stand.feed.mark(run=True, machine=False)
    await stand.until(lambda: len(stand.core.queries) == 2)
    await settle()
    assert len(stand.processes[0].pulls) == 1


async def test_a_busy_worker_gets_the_newest_state_once_it_is_free() -> None:
    stand = Stand([Needs()])
    stand.feed.set_up(True)
    stand.feed.show(stand.slots)
    await stand.until(lambda: stand.processes[0].pulls)
    for _ in range(50):
        stand.core.rev += 1
        stand.feed.mark(run=True, machine=False)
        await settle(3)
    assert len(stand.processes[0].pulls) == 1
    stand.answer()
    await stand.until(lambda: len(stand.processes[0].pulls) == 2)


async def test_the_machine_wakes_only_panels_that_look_at_it() -> None:
    gpu = Needs(series=(SeriesQuery("gpu/*/util"),))
    stand = Stand([Needs(series=(SeriesQuery("train/loss"),)), gpu, Needs(machine=True)])
    await stand.begin()
    stand.core.rev += 1
    stand.feed.mark(run=False, machine=True)
    await stand.until(lambda: len(stand.core.queries) == 2)
    assert [item.needs for item in stand.core.queries[1].items] == [gpu, Needs(machine=True)]
    assert not wants_machine(Needs(latest=("train/*",)))


async def test_a_panel_that_changes_its_mind_all_the_time_is_asked_about_now_and_then() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    (process,) = stand.processes

    async def changes_its_mind() -> int:
        before = len(stand.core.queries)
        for number in range(20):
            process.needs = Needs(latest=(f"{len(stand.core.queries)}/{number}/*",))
            stand.answer()
            await settle(100)
            await asyncio.sleep(0.002)
        return len(stand.core.queries) - before

    began = time.monotonic()
    asked = await changes_its_mind()
    assert 2 <= asked <= 5 + (time.monotonic() - began) / RENEW_EVERY_S
    last = process.needs
    await stand.until(lambda: stand.core.queries[-1].items[0].needs == last)
    process.prompted = True
    assert await changes_its_mind() >= 15, "the person who pressed a key waits for it"


async def test_hidden_panels_stand_still_and_come_back_with_all_their_data() -> None:
    stand = Stand([Needs(), Needs()])
    await stand.begin()
    stand.feed.show(stand.slots[:1])
    assert stand.processes[1].paused
    stand.core.rev += 1
    stand.feed.mark(run=True, machine=False)
    await stand.until(lambda: len(stand.core.queries) == 2)
    assert len(stand.core.queries[1].items) == 1
    stand.answer()
    stand.feed.show(stand.slots)
    assert not stand.processes[1].paused
    await stand.until(lambda: len(stand.processes[1].pulls) == 2)


async def test_a_worker_that_starts_anew_is_given_everything() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    process = stand.processes[0]
    process.state = "backoff"
    stand.feed.changed(process)  # type: ignore[arg-type]
    process.state = "live"
    stand.feed.changed(process)  # type: ignore[arg-type]
    await stand.until(lambda: len(process.pulls) == 2)
    assert stand.core.queries[-1].items[0].since == 0
    assert process.pulls[-1]["force"] is True


async def test_new_needs_are_answered_without_waiting_for_news() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    wider = Needs(series=(SeriesQuery("train/loss", columns=300),))
    stand.processes[0].needs = wider
    stand.feed.changed(stand.processes[0])  # type: ignore[arg-type]
    await stand.until(lambda: len(stand.core.queries) == 2)
    assert stand.core.queries[1].items[0].needs == wider
    assert stand.core.queries[1].items[0].since == 0


async def test_input_goes_to_the_worker_without_asking_the_core() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    key = Input(kind="key", key="x")
    stand.feed.give(stand.slots[0].panel, [key])
    assert stand.processes[0].pulls[-1]["inputs"] == [key]
    stand.feed.give(stand.slots[0].panel, [key])
    assert len(stand.processes[0].pulls) == 2, "one frame in flight"
    stand.answer()
    assert stand.processes[0].pulls[-1]["inputs"] == [key]
    assert len(stand.core.queries) == 1


async def test_a_core_that_does_not_answer_is_not_hammered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "RETRY_S", 100.0)
    stand = Stand([Needs()])
    stand.core.down = True
    stand.feed.set_up(True)
    stand.feed.show(stand.slots)
    await stand.until(lambda: stand.core.queries)
    for _ in range(100):
        stand.feed.mark(run=True, machine=True)
        await settle(2)
    assert len(stand.core.queries) == 1
    stand.core.down = False
    stand.feed.set_up(True)
    await stand.until(lambda: stand.processes[0].pulls)


async def test_another_run_on_show_drops_the_answer_of_the_old_one() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    stand.core.rev += 1
    stand.core.gate.clear()
    stand.feed.mark(run=True, machine=False)
    await stand.until(lambda: len(stand.core.queries) == 2)
    stand.feed.set_run("other")
    stand.core.gate.set()
    await stand.until(lambda: stand.core.queries[-1].run == "other")
    await stand.until(lambda: len(stand.processes[0].pulls) == 2)
    assert stand.processes[0].pulls[1]["data"] == b"other"
    assert stand.core.queries[-1].items[0].since == 0


async def test_a_panel_without_room_is_not_asked_about_until_it_has_some() -> None:
    stand = Stand([Needs()])
    (panel,) = (slot.panel for slot in stand.slots)
    panel.inner_size = (40, 0)  # type: ignore[misc]
    stand.feed.set_up(True)
    stand.feed.show(stand.slots)
    stand.feed.mark(run=True, machine=True)
    await settle(300)
    assert stand.core.queries == []
    panel.inner_size = (40, 1)  # type: ignore[misc]
    stand.feed.redraw(panel)
    await stand.until(lambda: stand.processes[0].pulls)


async def test_what_a_panel_asks_for_is_handed_on() -> None:
    stand = Stand([Needs()])
    await stand.begin()
    stand.processes[0].acts = [Act("save")]
    stand.feed.changed(stand.processes[0])  # type: ignore[arg-type]
    assert stand.acts == [[Act("save")]]
