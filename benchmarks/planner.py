"""What a form waits for after each key: a plan, and the whole report with its preflight.

`python -m benchmarks.planner [CHECKOUT]` measures on the embedded checkout, or on one of yours.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.config.service import Configs
from nanochat_host.core.planner.gpus import reference
from nanochat_host.core.planner.inputs import Checkout
from nanochat_host.core.planner.plan import make_plan
from nanochat_host.core.wire import AddCheckout
from nanochat_host.core.wire_config import ConfigWish, SchemaWish
from nanochat_host.paths import Paths
from nanochat_sdk.data import MachineFacts

from benchmarks.measure import median, quiet_note, report

REPEATS = 50
OPTIONS = {
    "depth": 24,
    "max_seq_len": 2048,
    "window_pattern": "SSSL",
    "device_batch_size": 16,
    "total_batch_size": -1,
    "target_param_data_ratio": 12.0,
    "weight_decay": 0.28,
}


def timed(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median of a call, in seconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times)


def main() -> int:
    print(quiet_note())
    with tempfile.TemporaryDirectory() as home:
        paths = Paths(Path(home))
        checkouts = Checkouts(paths)
        name = "tiny"
        if sys.argv[1:]:
            path = str(Path(sys.argv[1]).absolute())
            name = checkouts.add(AddCheckout(path=path, base_dir=home)).name
        configs = Configs(paths, checkouts, MachineFacts)
        stages = configs.schema(SchemaWish(name)).stages
        fresh = Configs(paths, checkouts, MachineFacts)
        began = time.perf_counter()
        for stage in stages:
            fresh.schema(SchemaWish(name, stage=stage))
        schema_s = time.perf_counter() - began
        plan_s = timed(
            lambda: make_plan(OPTIONS, Checkout(), vocab=32768, world=8, gpu=reference())
        )
        wish = ConfigWish(name, options={"depth": 6}, nproc=1)
        report_s = timed(lambda: configs.report(wish))
        first_s = timed(lambda: Configs(paths, checkouts, MachineFacts).report(wish), 5)
    met = [
        report("plan", plan_s * 1e3, 1, "ms"),
        report("values, plan and preflight, after a key", report_s * 1e3, 200, "ms"),
        report("the same for the first time", first_s * 1e3, 500, "ms"),
        report(f"schema of all {len(stages)} stages, read anew", schema_s * 1e3, 500, "ms"),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
