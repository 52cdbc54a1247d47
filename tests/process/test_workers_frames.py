"""Frames of panels that behave, from real workers."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from nanochat_host.packs.offline import PanelFailedError, render, render_once
from nanochat_host.packs.process import PanelState
from nanochat_sdk import Capability, Data, Input, Needs, View
from nanochat_sdk.errors import OptionError
from nanochat_sdk.payload import Cells, Text
from workers_stage import CATALOG, PATIENCE_S, ask, gone, on_stage, text


async def test_a_panel_loads_draws_and_says_what_it_needs() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo", word="hi", count=2)
        assert panel.needs.series[0].columns == 80
        assert [key.key for key in panel.keys] == ["s"]
        await stage.frame(panel, now=7.0)
        assert text(panel) == "hi hi 40x10 seen 1 typed "
        assert panel.status == "now 7"
        assert panel.needs.series[0].columns == 40
        assert panel.state is PanelState.LIVE
        assert panel.reason == ""


async def test_nothing_new_repaints_nothing_and_a_new_size_does() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        await stage.frame(panel, now=1.0)
        await stage.frame(panel, now=-1.0)  # update() says no repaint is due
        assert (panel.frames, panel.payload_rev) == (2, 1)
        await stage.frame(panel, width=50)
        assert "50x10" in text(panel)
        await stage.frame(panel, width=50, force=True)
        assert panel.payload_rev == 3


async def test_options_given_later_arrive_with_the_next_frame() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        await stage.frame(panel)
        panel.set_options({"word": "later"})
        await stage.frame(panel)
        assert text(panel).startswith("later later later")
        with pytest.raises(OptionError, match="did you mean `word`"):
            panel.set_options({"wrod": "x"})
        assert panel.options["word"] == "later"


async def test_a_panel_may_request_only_what_it_was_granted() -> None:
    async with on_stage() as stage:
        panel = stage.open("echo", (Capability.CHECKPOINT,))
        await stage.until(lambda: panel.ready)
        await stage.frame(panel, inputs=[Input("key", key="s")])
        assert [act.action for act in panel.take_acts()] == ["save"]
        assert panel.take_acts() == []
        assert "typed s" in text(panel)


async def test_one_frame_in_flight_and_a_pull_meanwhile_is_refused() -> None:
    async with on_stage() as stage:
        panel = await stage.live("sleepy", seconds=0.05)
        assert ask(panel)
        assert not panel.ready
        assert not ask(panel)
        await stage.until(lambda: panel.frames == 1)
        assert panel.ready


async def test_a_slow_frame_shows_as_slow_and_then_as_live() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        assert panel.pid is not None
        os.kill(panel.pid, signal.SIGSTOP)
        assert ask(panel)
        await stage.until(lambda: panel.state is PanelState.SLOW)
        os.kill(panel.pid, signal.SIGCONT)
        await stage.until(lambda: panel.frames == 1)
        states = [state for state, _ in stage.history["echo"]]
        assert states[-2:] == [PanelState.SLOW, PanelState.LIVE]


async def test_data_beyond_the_limit_is_left_out_and_said() -> None:
    async with on_stage() as stage:
        panel = await stage.live("cells")
        seen: list[str] = []
        panel._on_change = lambda panel: seen.append(panel.status)
        panel.pull(width=4, height=2, data=bytes(5 << 20), view=View())
        async with asyncio.timeout(PATIENCE_S):
            while panel.frames == 0:
                await asyncio.sleep(0)
        assert seen[0] == "too much data for one frame: 5121 KiB; the limit is 4096 KiB"
        assert isinstance(panel.payload, Cells)


async def test_a_hidden_panel_is_stopped_and_goes_on_when_shown() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        await stage.frame(panel)
        panel.pause()
        await process_state(panel.pid, "T")
        assert not ask(panel)
        panel.resume()
        await stage.frame(panel, width=60)
        assert "60x10" in text(panel)


async def test_pausing_waits_for_the_frame_in_flight() -> None:
    async with on_stage() as stage:
        panel = await stage.live("sleepy", seconds=0.05)
        assert ask(panel)
        panel.pause()
        await stage.until(lambda: panel.frames == 1)
        await process_state(panel.pid, "T")


async def test_closing_ends_every_process() -> None:
    async with on_stage() as stage:
        panels = [await stage.live("echo") for _ in range(3)]
        pids = [panel.pid for panel in panels] + [stage.supervisor.zygote_pid]
    await gone(*pids)
    assert {panel.state for panel in panels} == {PanelState.STOPPED}


async def test_stats_tell_what_each_worker_costs() -> None:
    async with on_stage() as stage:
        panel = await stage.live("cells")
        await stage.frame(panel)
        (stats,) = stage.supervisor.stats()
        assert stats.panel == "fixture:cells"
        assert stats.pid == panel.pid
        assert 1 << 20 < stats.rss_bytes < 100 << 20
        assert (stats.frames, stats.failures) == (1, 0)
        assert 0 < stats.frame_ms < PATIENCE_S * 1e3


def test_one_frame_without_a_screen() -> None:
    payload = render_once(CATALOG.entry("fixture:echo"), {"count": 1}, Data(now=1.0), 30, 5)
    assert payload == Text([[("hello 30x5 seen 1 typed ", "")]])


async def test_a_failed_render_names_the_panel_and_brings_the_traceback() -> None:
    with pytest.raises(PanelFailedError, match="panel `fixture:crash`: KeyError") as caught:
        await render(CATALOG.entry("fixture:crash"), {}, Data(), 30, 5)
    assert "in render" in caught.value.traceback
    with pytest.raises(OptionError):
        await render(CATALOG.entry("fixture:echo"), {"count": 10}, Data(), 30, 5)


async def test_data_can_be_fetched_once_the_panel_says_what_it_needs() -> None:
    asked: list[int] = []

    def answer(needs: Needs) -> Data:
        asked.append(needs.series[0].columns)
        return Data(now=5.0)

    payload = await render(CATALOG.entry("fixture:echo"), {"count": 1}, answer, 33, 5)
    assert asked == [33]
    assert payload == Text([[("hello 33x5 seen 1 typed ", "")]])


async def process_state(pid: int | None, wanted: str) -> None:
    """Wait for a state letter of /proc/PID/stat."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == wanted:
                return
            await asyncio.sleep(0.002)
