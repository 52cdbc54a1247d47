"""Twenty-four panels at ten frames a second: keys, the UI loop's share, what a kill leaves.

    python -m benchmarks.crowd [--seconds 30]

The floor is the bare Textual app of `benchmarks.tui`, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import signal
import sys
import time

import msgspec
import psutil
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.sanitize import clean_payload
from nanochat_host.ui.render.draw import draw
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.themes import THEMES
from nanochat_sdk.codec import decode_from_worker
from nanochat_sdk.protocol import Reply

from benchmarks import rig
from benchmarks.measure import median, percentile, quiet_note, report, spread
from benchmarks.terminal import Terminal
from benchmarks.tui import CURSOR, bare, cursor_latency, key_latency
from benchmarks.workers import HEIGHT, WIDTH, Bench

PANELS, RATE_HZ, ROUNDS, KILLS = 24, 10.0, 2_000, 30


async def _frames_per_s(highest: Level) -> float:
    """Frames of one worker asked for one after another."""
    bench = Bench(highest)
    panel = bench.open("cells")
    await bench.frame(panel)
    began = time.perf_counter()
    for _ in range(ROUNDS):
        await bench.frame(panel)
    took = time.perf_counter() - began
    await bench.supervisor.close()
    return ROUNDS / took


async def _frame_cost() -> list[float]:
    """CPU seconds of the UI loop for a frame: strict decoding, text filter, strips."""
    bench = Bench()
    panel = bench.open("cells")
    await bench.frame(panel)
    assert panel.payload is not None
    framed = msgspec.msgpack.encode(Reply(seq=1, payload=panel.payload))
    await bench.supervisor.close()
    palette = palette_of(THEMES[0])
    costs = []
    for _ in range(200):
        began = time.process_time()
        reply = decode_from_worker(framed)
        assert isinstance(reply, Reply) and reply.payload is not None
        draw(clean_payload(reply.payload), WIDTH, HEIGHT, palette)
        costs.append(time.process_time() - began)
    return costs


async def _kill_times() -> list[float]:
    """Seconds from SIGKILL until the worker is reaped."""
    bench = Bench()
    times = []
    for _ in range(KILLS):
        panel = bench.open("cells")
        await bench.frame(panel)
        assert panel.pid is not None
        process = psutil.Process(panel.pid)
        began = time.perf_counter()
        os.kill(panel.pid, signal.SIGKILL)
        while process.is_running():
            await asyncio.sleep(0)
        times.append(time.perf_counter() - began)
        bench.supervisor.discard(panel)
    await bench.supervisor.close()
    return times


def _left_after_kill(terminal: Terminal) -> tuple[int, float]:
    """Processes of the UI that run 2 s after its kill -9, and when the last of the others ended.
    Asked of the kernel by descriptor: when an orphan is reaped is up to the machine's init."""
    watched = {os.pidfd_open(process.pid) for process in terminal.tree()}
    poll = select.poll()
    for fd in watched:
        poll.register(fd, select.POLLIN)
    running = set(watched)
    began = time.perf_counter()
    os.kill(terminal.pid, signal.SIGKILL)
    took = 0.0
    while running and (left_s := began + 2.0 - time.perf_counter()) > 0:
        for fd, _event in poll.poll(left_s * 1e3):
            poll.unregister(fd)
            running.discard(fd)
            took = time.perf_counter() - began
    for fd in watched:
        os.close(fd)
    return len(running), took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the load phase")
    seconds = parser.parse_args().seconds
    print(f"# {quiet_note()}")
    good = []
    terminal = bare()
    terminal.wait_for("ready")
    floor = [s for _, s in key_latency(terminal, [("a", "key=a"), ("b", "key=b")], 8.0)]
    terminal.close()
    with rig.core() as (paths, client):
        run = rig.start_firehose(client, rate=1000.0)
        layout = rig.grid_layout(paths.home, PANELS, RATE_HZ)
        terminal = rig.open_tui(run, layout, size=(200, 60))
        terminal.wait_for(r"Loss[\s\S]*\d\.\d")
        terminal.drain(3.0)
        terminal.press("\x1b[D")
        terminal.wait_for(CURSOR.pattern)
        keys = [s for _, s in cursor_latency(terminal, seconds)]
        print(f"keys with {PANELS} panels at {RATE_HZ:g} Hz: {spread(keys)}, n={len(keys)}")
        for p, goal in ((50, 2.0), (99, 4.0)):
            ratio = percentile(keys, p) / percentile(floor, p)
            good.append(report(f"key p{p} / floor at rest", ratio, goal, "x"))
        left, took = _left_after_kill(terminal)
        good.append(report("processes left after kill -9 of the UI", left, 0, ""))
        print(f"       the last was gone after {took * 1e3:.0f} ms")
        terminal.close()
    costs = asyncio.run(_frame_cost())
    good.append(report("UI loop for a 60x20 frame of cells, p50", median(costs) * 1e3, 3.0, "ms"))
    kills = asyncio.run(_kill_times())
    good.append(report("SIGKILL to reaped, p50", median(kills) * 1e3, 5.0, "ms"))
    pairs = []
    for _ in range(5):  # alternating, so that a busy moment hits both
        without = asyncio.run(_frames_per_s(Level.NONE))
        pairs.append(1 - asyncio.run(_frames_per_s(Level.STRICT)) / without)
    good.append(report("frames/s the walls cost, median of 5", median(pairs) * 100, 2.0, "%"))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
