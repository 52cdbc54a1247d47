"""Lets several ranks train together without a GPU.

nanochat forms a process group for NCCL only, and its optimizer asks for two things gloo lacks:
averages, and futures of asynchronous collectives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

COLLECTIVES = ("all_reduce", "reduce_scatter_tensor", "all_gather_into_tensor", "reduce_scatter")


class Done:
    """A collective that is over, in the shape of one that is under way."""

    def get_future(self) -> Done:
        return self

    def wait(self, timeout: Any = None) -> Done:
        return self

    def is_completed(self) -> bool:
        return True


def join_over_gloo(world: int) -> None:
    """Form the group, and complete `torch.distributed` with what gloo lacks."""
    import torch.distributed as dist

    dist.init_process_group("gloo")
    for name in COLLECTIVES:
        setattr(dist, name, _completed(getattr(dist, name), dist.ReduceOp, world))


def _completed(collective: Callable[..., Any], ops: Any, world: int) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        asynchronous = options.pop("async_op", False)
        averages = options.get("op") == ops.AVG
        if averages:
            options["op"] = ops.SUM
        collective(*arguments, **options)
        if averages:
            result: Any = (
                arguments[0] if arguments else options.get("output", options.get("tensor"))
            )
            result.div_(world)
        return Done() if asynchronous else None

    return run
