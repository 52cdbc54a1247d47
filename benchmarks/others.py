"""Other monitors on a run of the same size: `python -m benchmarks.others --peers VENV`.

VENV is a virtual environment with `wandb tensorboard trackio nvitop` in it; what is missing is left
out, aloud. Each is given 20 metrics x 10,000 rows in its own format. Printed for each: seconds from
its start until the newest row can be seen (a chart in a terminal, an answer of the server that a
browser then still has to draw), memory of all its processes, and the ratios to ours.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import rig
from benchmarks.measure import median, quiet_note
from benchmarks.peers import WRITER
from benchmarks.terminal import Terminal

ROWS, METRICS, TIMES = 10_000, 20, 3
TENSORBOARD = """
import sys, time, math
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter(sys.argv[1])
for i in range(10_000):
    values = [Summary.Value(tag=f"group{k % 4}/metric_{k:02d}", simple_value=math.exp(-i / 5000))
              for k in range(20)]
    writer.add_event(Event(step=i, wall_time=time.time(), summary=Summary(value=values)))
writer.close()
"""
TRACKIO = """
import math, trackio
trackio.init(project="bench", name="run")
for i in range(10_000):
    trackio.log({f"group{k % 4}/metric_{k:02d}": math.exp(-i / 5000) for k in range(20)})
trackio.finish()
"""


@dataclass(frozen=True)
class Figure:
    """seen_s: until the newest row can be seen. pss_mb: of all its processes then."""

    name: str
    seen_s: float
    pss_mb: float
    note: str = ""


def pss_mb(pid: int) -> float:
    """Proportional set size of a process and its descendants."""
    total = 0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total / 1e6


def ours() -> Figure:
    """UI, workers and core; the core is running already, as it does while something trains."""
    seen, held = [], 0.0
    with rig.core() as (_, client):
        run = rig.start_firehose(client, rate=0.0, rows_before=ROWS)
        for _ in range(TIMES):
            terminal = rig.open_tui(run, "load")
            seen.append(terminal.wait_for(r"Loss[\s\S]*\d\.\d") - terminal.started)
            terminal.drain(1.0)
            held = terminal.pss_bytes() / 1e6 + pss_mb(client.health().pid)
            terminal.close()
    return Figure("nanochat-cli", median(seen), held, "UI, 12 workers and core")


def leet(bin_: Path, folder: Path) -> Figure:
    """W&B's terminal monitor."""
    subprocess.run([bin_ / "python", "-c", WRITER, folder], check=True)
    run = next((folder / "wandb").glob("offline-run-*"))
    seen, held = [], 0.0
    for _ in range(TIMES):
        env = {"WANDB_ERROR_REPORTING": "false"}
        terminal = Terminal([str(bin_ / "wandb"), "beta", "leet", str(run)], env=env)
        seen.append(terminal.wait_for("State: Finished") - terminal.started)
        held = terminal.pss_bytes() / 1e6
        terminal.close()
    return Figure("wandb leet", median(seen), held)


def server(name: str, argv: list[str], env: dict[str, str], ready: Callable[[], bool]) -> Figure:
    """A program that serves a page; `ready` asks it for the data."""
    seen, held = [], 0.0
    for _ in range(TIMES):
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not ready() and time.perf_counter() - began < 90:
            time.sleep(0.01)
        seen.append(time.perf_counter() - began)
        held = pss_mb(process.pid)
        for child in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.Error):
                child.kill()
        process.wait()
    return Figure(name, median(seen), held, "and a browser")


def answers(url: str, holds: str) -> bool:
    """Whether the address answers with a page that has this text."""
    with suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=5) as page:
        return holds in page.read().decode("utf-8", "replace")
    return False


def tensorboard(bin_: Path, folder: Path) -> Figure:
    """Ready when its scalars plugin has the last of the metrics."""
    subprocess.run([bin_ / "python", "-c", TENSORBOARD, folder / "run"], check=True)
    argv = [str(bin_ / "tensorboard"), "--logdir", str(folder), "--port", "16006"]
    tag = "run=run&tag=group3%2Fmetric_19"
    url = f"http://127.0.0.1:16006/data/plugin/scalars/scalars?{tag}"
    return server("TensorBoard", argv, {}, lambda: answers(url, "9999"))


def trackio(bin_: Path, folder: Path) -> Figure:
    """Ready when its page is served."""
    env = {"TRACKIO_DIR": str(folder), "HF_HOME": str(folder), "GRADIO_ANALYTICS_ENABLED": "0",
           "HF_HUB_OFFLINE": "1", "GRADIO_SERVER_PORT": "17860"}  # fmt: skip
    subprocess.run(
        [bin_ / "python", "-c", TRACKIO], check=True, env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    argv = [str(bin_ / "trackio"), "show", "--project", "bench"]
    return server("Trackio", argv, env, lambda: answers("http://127.0.0.1:17860/", "<html"))


PEERS: dict[str, Callable[[Path, Path], Figure]] = {
    "wandb": leet, "tensorboard": tensorboard, "trackio": trackio,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="a virtual environment")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    bin_ = args.peers / "bin"
    figures = [ours()]
    for name, measure in PEERS.items():
        if not (bin_ / name).exists():
            print(f"{name}: left out, it is not in {args.peers}")
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"nanochat-bench-{name}-"))
        try:
            figures.append(measure(bin_, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if (bin_ / "nvitop").exists() and not Path("/dev/nvidiactl").exists():
        print("nvitop: left out, it needs an NVIDIA driver")
    if args.json:
        print(json.dumps([figure.__dict__ for figure in figures], indent=2))
        return 0
    print(f"# {METRICS} metrics x {ROWS} rows; {quiet_note()}")
    for figure in figures:
        ratios = (
            f"{figure.seen_s / figures[0].seen_s:5.1f}x  {figure.pss_mb / figures[0].pss_mb:5.1f}x"
        )
        seen = f"{figure.seen_s * 1e3:7.0f} ms  {figure.pss_mb:6.0f} MB"
        print(f"{figure.name:14}{seen}  {ratios}  {figure.note}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
