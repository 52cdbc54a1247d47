"""Real cores, shims and trainers in a folder of their own, for the tests of the core."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from nanochat_host.core.client import CoreClient
from nanochat_host.core.run_folder import ENDED
from nanochat_host.core.shim import procs
from nanochat_host.core.start import ensure_core
from nanochat_host.core.wire import AddCheckout, CoreInfo, RunStatus, RunSummary, StartRun
from nanochat_host.paths import Paths, RunPaths

WAIT_S = 20.0

TRAINER = '''"""Prints what nanochat prints. Waits for files to come instead of guessing times."""
import argparse, os, signal, sys, time

parser = argparse.ArgumentParser(description="pretend to train")
parser.add_argument("--depth", type=int, default=4, help="layers")
parser.add_argument("--num-iterations", type=int, default=3)
parser.add_argument("--device-type", type=str, default="", choices=["", "cpu", "cuda"])
parser.add_argument("--exit-code", type=int, default=0)
parser.add_argument("--go", type=str, default="", help="wait for this file before the last step")
parser.add_argument("--say", type=int, default=0, help="lines to print after the last step")
parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
parser.add_argument("--fail", type=str, default="", help="raise this message")
args = parser.parse_args()
if args.deaf:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(f"nice {os.nice(0)} pgid {os.getpgrp() == os.getpid()} secret {os.environ.get('TOKEN', '-')}")
for step in range(args.num_iterations):
    if step + 1 == args.num_iterations and args.go:
        print("waiting", flush=True)
        while not os.path.exists(args.go):
            time.sleep(0.01)
    print(f"step {step:05d}/{args.num_iterations:05d} ({100 * step / args.num_iterations:.2f}%) | "
          f"loss: {4.0 - step / 1e4:.6f} | lrm: 1.00 | dt: 1.00ms | tok/sec: 1,000 | "
          "bf16_mfu: 1.00 | epoch: 0 | total time: 0.01m")
for line in range(args.say):
    print("so it goes", line)
if args.fail:
    raise RuntimeError(args.fail)
print("finished", file=sys.stderr)
sys.exit(args.exit_code)
'''

PIPELINE = """#!/bin/bash
python -m scripts.tok_train --vocab-size=300
python -m scripts.base_train --depth=2 --num-iterations=2
"""

TOK_TRAIN = """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--vocab-size", type=int, default=512)
parser.add_argument("--exit-code", type=int, default=0)
args = parser.parse_args()
print("vocab", args.vocab_size)
raise SystemExit(args.exit_code)
"""


def until(condition: Callable[[], Any], what: str, wait_s: float = WAIT_S) -> Any:
    """The condition's first truthy value. Fails when none comes within `wait_s`."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {wait_s} s: {what}")


def make_checkout(folder: Path) -> Path:
    """A checkout of pure Python with nanochat's script names."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "runs").mkdir()
    (folder / "nanochat").mkdir()
    (folder / "nanochat" / "__init__.py").touch()
    (folder / "scripts" / "__init__.py").touch()
    (folder / "scripts" / "base_train.py").write_text(TRAINER)
    (folder / "scripts" / "tok_train.py").write_text(TOK_TRAIN)
    (folder / "runs" / "demo.sh").write_text(PIPELINE)
    return folder


def events_of(run: RunPaths) -> list[dict[str, Any]]:
    """Whole lines so far: the last one may be under way."""
    whole = run.events_jsonl.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]


def status_of(run: RunPaths) -> RunStatus:
    import msgspec

    return msgspec.json.decode(run.state_json.read_bytes(), type=RunStatus)


def kill(pid: int) -> None:
    assert pid > 1
    os.kill(pid, signal.SIGKILL)
    until(lambda: not procs.is_alive(pid, 0), f"{pid} is killed")


class CoreRig:
    """One home, one checkout `fake`, and whatever was started in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths(folder / "home")
        self.checkout = make_checkout(folder / "checkout")
        self.client = CoreClient(self.paths)
        self.go = folder / "go"

    def start(self) -> CoreInfo:
        before = os.environ.get("NANOCHAT_CLI_HOME")
        self.client.close()
        try:
            return ensure_core(self.paths)
        finally:
            assert os.environ.get("NANOCHAT_CLI_HOME") == before

    def add_checkout(self) -> None:
        base = str(self.folder / "base")
        self.client.add_checkout(
            AddCheckout(str(self.checkout), "fake", python=sys.executable, base_dir=base)
        )

    def start_run(self, target: str = "base_train", **options: Any) -> RunPaths:
        env = options.pop("env", {})
        summary = self.client.start_run(StartRun("fake", target, options=options, env=env))
        return self.paths.run(summary.facts.id)

    def summary(self, run: RunPaths) -> RunSummary:
        return self.client.run(run.run_id).summary

    def running(self, run: RunPaths) -> RunStatus:
        """The state once the trainer waits for its `go` file."""
        until(lambda: b"waiting" in run.out_log.read_bytes(), "the trainer waits")
        return until(lambda: (s := status_of(run)).pid and s, "state.json names the trainer")

    def ended(self, run: RunPaths) -> RunSummary:
        """Its summary when it has ended, and all that it wrote was read."""

        def found() -> RunSummary | None:
            detail = self.client.run(run.run_id)
            over = detail.summary.facts.state in ENDED and detail.read
            return detail.summary if over else None

        return until(found, f"{run.run_id} ends")

    @contextlib.contextmanager
    def started(self) -> Iterator[Self]:
        """Its core is up and knows the checkout; afterwards everything is gone."""
        try:
            self.start()
            self.add_checkout()
            yield self
        finally:
            self.close()

    def close(self) -> None:
        """Kill whatever of this home is left."""
        with contextlib.suppress(Exception):
            kill(self.client.health().pid)
        for root in self.paths.runs.iterdir() if self.paths.runs.exists() else []:
            with contextlib.suppress(Exception):
                status = status_of(RunPaths(root))
                for pid, start in (
                    (status.shim_pid, status.shim_start),
                    (status.pid, status.pid_start),
                ):
                    procs.send_signal(pid, start, signal.SIGKILL)
        self.client.close()


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of its own that is soon full. Needs root."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
