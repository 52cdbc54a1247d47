"""What workers answered is painted, and keys do not wait for it."""

from __future__ import annotations

import time

from feed_rig import Panel, Stand, settle
from nanochat_host.ui.painter import PAINTS_AT_ONCE
from nanochat_sdk.data import Needs


async def test_twelve_answers_are_painted_a_few_at_a_time() -> None:
    stand = Stand([Needs()] * 12)
    await stand.begin()
    panels: list[Panel] = [slot.panel for slot in stand.slots]  # type: ignore[misc]
    await stand.until(lambda: all(panel.paints for panel in panels))
    for panel in panels:
        panel.paints = 0
    stand.answer()
    assert sum(panel.paints for panel in panels) <= PAINTS_AT_ONCE
    await stand.until(lambda: all(panel.paints == 1 for panel in panels))


async def test_after_a_key_only_the_panel_it_was_for_is_painted() -> None:
    stand = Stand([Needs()] * 4)

    def paints() -> list[int]:
        return [slot.panel.paints for slot in stand.slots]  # type: ignore[attr-defined]

    await stand.begin()
    await stand.until(lambda: not stand.feed._painter._painting)
    before = paints()
    stand.feed._painter._painted_at = stand.pressed_at = time.monotonic() + 60.0
    stand.processes[2].prompted = True
    stand.answer()
    await stand.until(lambda: paints() != before)
    await settle()
    assert paints() == [before[0], before[1], before[2] + 1, before[3]]
    stand.pressed_at = 0.0
    await stand.until(lambda: paints() == [count + 1 for count in before])
    stand.feed.close()


async def test_what_happened_before_a_panel_was_shown_is_painted() -> None:
    stand = Stand([Needs()])
    stand.processes[0].state = "quarantined"
    stand.feed.changed(stand.processes[0])  # type: ignore[arg-type]
    stand.feed.show(stand.slots)
    await stand.until(lambda: stand.slots[0].panel.paints == 1)  # type: ignore[attr-defined]
    stand.feed.close()


async def test_panels_are_painted_while_keys_keep_coming() -> None:
    stand = Stand([Needs()] * 4)
    await stand.begin()
    stand.pressed_at = time.monotonic() + 60.0
    stand.answer()
    await stand.until(lambda: all(slot.panel.paints for slot in stand.slots))  # type: ignore[attr-defined]
    stand.feed.close()
