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


def open_tui(run: str, layout: str, size: tuple[int, int] = (160, 48)) -> Terminal:
    """The TUI on `run` with a layout of benchmarks/layouts."""
    argv = [
        sys.executable, "-m", "nanochat_host.cli",
        "--layout", str(HERE / "layouts" / f"{layout}.toml"), "--run", run,
    ]  # fmt: skip
    return Terminal(argv, size=size)
