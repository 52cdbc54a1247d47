"""Which GPUs a configuration fits, and what it costs there. Computed, so it is never stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanochat_host.core.planner import memory
from nanochat_host.core.planner.gpus import COUNTS, GPUS
from nanochat_host.core.planner.inputs import Checkout, inputs_of
from nanochat_host.core.planner.plan import make_plan
from nanochat_host.core.wire_config import MatrixRow


def matrix_of(
    options: Mapping[str, Any], checkout: Checkout, *, vocab: int, gpus: int = 0
) -> list[MatrixRow]:
    """A row for each kind of GPU and number of them. gpus: a number to show besides the usual
    ones. The device batch of a row is the configuration's own or, where that does not fit, the
    largest that does. Raises ValueError for what cannot be planned."""
    rows = []
    for kind in GPUS:
        for count in sorted({*COUNTS, gpus} - {0}):
            shape = inputs_of(options, checkout, vocab, count).shape
            largest = memory.largest_batch(shape, checkout.arch, count, kind.memory_bytes)
            if not largest:
                rows.append(MatrixRow(kind.name, count, False))
                continue
            rows_each = min(largest, int(options["device_batch_size"]))
            fitted = {**options, "device_batch_size": rows_each}
            if kind.fp8_gain <= 1:
                fitted["fp8"] = False
            plan = make_plan(fitted, checkout, vocab=vocab, world=count, gpu=kind)
            rows.append(
                MatrixRow(kind.name, count, True, rows_each, plan.value("hours"), plan.value("usd"))
            )
    return rows
