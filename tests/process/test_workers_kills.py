"""kill -9 of a worker, of the zygote and of the host: what comes back, and that nothing stays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from nanochat_host.packs.process import PanelState
from nanochat_host.packs.room import room_of
from nanochat_host.packs.worker import _EXIT_GRACE_S
from workers_stage import CALM, CATALOG, FIXTURES, PATIENCE_S, Deadlines, ask, gone, on_stage, text


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_a_killed_worker_comes_back_after_a_wait() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        other = await stage.live("cells")
        await stage.frame(panel, now=1.0)
        first, other_pid = panel.pid, other.pid
        kill(first)
        await stage.until(lambda: panel.state is PanelState.BACKOFF)
        assert panel.reason == "killed by SIGKILL: by hand, or the machine ran out of memory"
        assert text(panel).startswith("hello")  # the last good payload stays
        await stage.until(lambda: panel.ready)
        assert panel.pid not in (None, first)
        await stage.frame(panel)
        assert text(panel).endswith("seen 0 typed ")
        assert panel.reason == ""
        assert (other.pid, other.failures) == (other_pid, 0)


async def test_a_worker_killed_in_the_middle_of_a_frame() -> None:
    async with on_stage() as stage:
        panel = await stage.live("sleepy", seconds=60)
        assert ask(panel)
        kill(panel.pid)
        await stage.until(lambda: panel.state is PanelState.BACKOFF)
        assert panel.reason.startswith("killed by SIGKILL")


async def test_a_dead_worker_is_no_cheat_when_its_zygote_is_slow_to_tell() -> None:
    async with on_stage() as stage:
        panel = await stage.live("echo")
        await stage.frame(panel)
        zygote, loop = stage.supervisor.zygote_pid, asyncio.get_running_loop()
        assert zygote is not None
        os.kill(zygote, signal.SIGSTOP)
        try:
            kill(panel.pid)
            graces_out = loop.time() + 2 * _EXIT_GRACE_S
            while loop.time() < graces_out and not panel.reason:
                await asyncio.sleep(0.02)
        finally:
            os.kill(zygote, signal.SIGCONT)
        await stage.until(lambda: panel.state is PanelState.BACKOFF)
        assert panel.reason == "killed by SIGKILL: by hand, or the machine ran out of memory"
        await stage.until(lambda: panel.ready)


async def test_a_killed_zygote_takes_its_workers_and_all_come_back() -> None:
    async with on_stage() as stage:
        panels = [await stage.live("echo") for _ in range(3)]
        await stage.frame(panels[0])
        old = [panel.pid for panel in panels]
        zygote = stage.supervisor.zygote_pid
        kill(zygote)
        await stage.until(lambda: all(panel.state is PanelState.BACKOFF for panel in panels))
        for panel in panels:
            assert panel.reason == (
                "the zygote, which all panels are forked from, ended: killed by SIGKILL: "
                "by hand, or the machine ran out of memory"
            )
        await gone(zygote, *old)
        await stage.until(lambda: all(panel.ready for panel in panels))
        assert stage.supervisor.zygote_pid != zygote
        await stage.frame(panels[0])
        assert panels[0].payload_rev == 2
        # It was not the panels' doing: killing the zygote again and again never quarantines them.
        assert not panels[0]._policy._failures


async def test_a_zygote_that_does_not_answer_is_replaced() -> None:
    async with on_stage() as stage:
        await stage.supervisor.start(room_of(CATALOG.entry("fixture:echo")))
        zygote = stage.supervisor.zygote_pid
        assert zygote is not None
        os.kill(zygote, signal.SIGSTOP)
        stage.supervisor._deadlines = Deadlines(start_s=2.0)
        panel = stage.open("echo")
        panel._deadlines = CALM  # the next worker may take its time
        await stage.until(lambda: panel.failures)
        assert panel.reason.startswith("did not start within 2 s")
        await gone(zygote)
        await stage.until(lambda: panel.ready)


HOST = """
import asyncio, pathlib, sys
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.supervisor import Supervisor
from nanochat_sdk import View

async def main():
    entries = Catalog.discover([pathlib.Path(sys.argv[1])]).panels
    told = asyncio.Event()
    supervisor = Supervisor(lambda panel: told.set(), allow_unsandboxed=["fixture"])
    panels = [supervisor.open(entries["fixture:" + name], {}, ()) for name in sys.argv[2:]]
    while not all(panel.ready for panel in panels):
        await told.wait()
        told.clear()
    panels[0].pull(width=9, height=9, data=None, view=View())
    print(*[panel.pid for panel in panels], supervisor.zygote_pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_host_leaves_no_process() -> None:
    panels = ("chatty", "echo", "cells")  # the first is busy, the second will be stopped
    host = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOST, str(FIXTURES), *panels), stdout=asyncio.subprocess.PIPE
    )
    assert host.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        pids = [int(pid) for pid in (await host.stdout.readline()).split()]
    assert len(pids) == 4
    os.kill(pids[1], signal.SIGSTOP)
    host.kill()
    await host.wait()
    await gone(*pids)
    assert await host.stdout.read() == b"", "nobody holds its output"
