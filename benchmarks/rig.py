"""A core of its own, a live run that writes rows at a rate, and the TUI on top of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nanochat_host.core.client import CoreClient
from nanochat_host.core.start import ensure_core
from nanochat_host.core.wire import AddCheckout, StartRun, StopRun
from nanochat_host.paths import Paths

from benchmarks.terminal import Terminal

HERE = Path(__file__).resolve().parent
FIREHOSE = HERE / "firehose"
ROWS_BEFORE = 10_000


@contextlib.contextmanager
def core() -> Iterator[tuple[Paths, CoreClient]]:
    """A core with an empty home; it and its runs end with the block."""
    home = Path(tempfile.mkdtemp(prefix="nanochat-bench-"))
    os.environ["NANOCHAT_CLI_HOME"] = str(home)
    paths = Paths.from_env()
    ensure_core(paths)
    client = CoreClient(paths)
    try:
        yield paths, client
    finally:
        for run in client.runs():
            with contextlib.suppress(Exception):
                client.stop_run(run.facts.id, StopRun(mode="kill"))
        client.shutdown()
        shutil.rmtree(home, ignore_errors=True)


def start_firehose(client: CoreClient, *, rate: float, rows_before: int = ROWS_BEFORE) -> str:
    """A live run of 20 metrics at `rate` rows/s; returns its id once its rows are in the store."""
    if not any(ref.name == "firehose" for ref in client.checkouts()):
        client.add_checkout(AddCheckout(path=str(FIREHOSE), name="firehose", python=sys.executable))
    options = {"rate": rate, "rows_before": rows_before, "seconds": 600.0}
    run = client.start_run(StartRun(checkout="firehose", target="base_train", options=options))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if client.run(run.facts.id).summary.facts.step >= rows_before - 2:
            return run.facts.id
        time.sleep(0.05)
    raise TimeoutError("the firehose's rows did not reach the store in 30 s")


KINDS = (
    "loss", "throughput", "timers", "progress", "schedule", "validation", "system", "gpu",
    "log", "samples", "checkpoints", "alerts",
)  # fmt: skip


def grid_layout(folder: Path, panels: int, refresh_hz: float) -> Path:
    """A layout of that many panels, all in view at once, each asked for at that rate."""
    across = 6
    lines = ["version = 1", 'title = "Crowd"', "[[screens]]", 'id = "crowd"', 'title = "Crowd"']
    lines.append("columns = 12")
    tall = 12 // -(-panels // across)
    for n in range(panels):
        at = [2 * (n % across), tall * (n // across), 2, tall]
        lines += ["[[screens.panels]]", f'id = "p{n}"', f'panel = "builtin:{KINDS[n % 12]}"']
        lines += [f"at = {at}", f"refresh_hz = {refresh_hz}"]
    path = folder / f"crowd-{panels}.toml"
    path.write_text("\n".join(lines))
    return path


def open_tui(run: str, layout: str | Path, size: tuple[int, int] = (160, 48)) -> Terminal:
    """The TUI on `run` with a layout of benchmarks/layouts, or a file."""
    file = layout if isinstance(layout, Path) else HERE / "layouts" / f"{layout}.toml"
    argv = [sys.executable, "-m", "nanochat_host.cli", "--layout", str(file), "--run", run]
    return Terminal(argv, size=size)
