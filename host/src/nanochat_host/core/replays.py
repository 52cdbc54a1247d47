"""A recording as a run: its command is the replayer, so it is started, stopped and kept like any
other, and a core that comes back finds it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nanochat_host
from nanochat_host.core import run_folder
from nanochat_host.core.prepare import Prepared
from nanochat_host.core.recording import Recording
from nanochat_host.core.wire import RunRecord, RunStep
from nanochat_host.core.wire_replay import StartReplay
from nanochat_host.paths import Paths

MODULE = "nanochat_host.core.replayer"
TARGET = "replay"
"""Marks such a run in `RunRecord.target`."""


def prepare_replay(paths: Paths, wish: StartReplay) -> Prepared:
    """Look into the files, and describe the run. Raises NotFoundError or UsageError."""
    files = [Path(name) for name in wish.files]
    only = dict(pair.split("=", 1) for pair in wish.only)
    recording = Recording(files, only)
    name, now = wish.name or recording.name, time.time()
    run_id = run_folder.new_run_id(f"replay-{name}", now)
    argv = ["--into", str(paths.run(run_id).root), "--speed", f"{wish.speed:g}"]
    argv += [word for key, value in recording.only.items() for word in ("--only", f"{key}={value}")]
    argv += ["--", *map(str, files)]
    step = RunStep(
        title=TARGET, module=MODULE, argv=argv, command=[sys.executable, "-m", MODULE, *argv]
    )
    record = RunRecord(
        id=run_id,
        name=name,
        checkout="",
        checkout_path=str(files[0].parent),
        python=sys.executable,
        base_dir="",
        steps=[step],
        config=recording.options(),
        created_at=now,
        target=TARGET,
        host_version=nanochat_host.__version__,
    )
    return Prepared(record, {})
