"""Run every benchmark and say which goals were met: `make bench`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time

ALL = (
    "hook",
    "ingest",
    "million",
    "planner",
    "checkpoints",
    "workers",
    "draw",
    "tui",
    "edits",
    "trainer",
    "chat",
    "forks",
    "crowd",
    "soak",
)
NEEDS_TORCH = {"trainer", "chat"}


def main() -> int:
    failed = []
    for name in sys.argv[1:] or ALL:
        print(f"\n## {name}", flush=True)
        if name in NEEDS_TORCH and importlib.util.find_spec("torch") is None:
            print("left out: it trains, and torch is not installed")
            continue
        began = time.perf_counter()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
        print(f"({time.perf_counter() - began:.0f} s)")
    print(f"\nmissed goals in: {', '.join(failed)}" if failed else "\nall goals were met")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
