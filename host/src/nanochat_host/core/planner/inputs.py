"""From a stage's options, by nanochat's names, to what the planner computes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nanochat_host.core.planner.architecture import Architecture, Rules
from nanochat_host.core.planner.counts import Shape, shape_of
from nanochat_host.core.planner.horizon import REFERENCE_DEPTH, Wanted

DEFAULT_VOCAB = 32768


class Checkout(NamedTuple):
    """What the checkout's source says about its model. readable: both files could be read."""

    arch: Architecture = Architecture()
    rules: Rules = Rules()
    readable: bool = True


class Inputs(NamedTuple):
    """reference: the model of depth 12 that batches and decay are scaled from."""

    shape: Shape
    reference: Shape
    wanted: Wanted
    fp8: bool
    save_every: int


def inputs_of(options: Mapping[str, Any], checkout: Checkout, vocab: int, world: int) -> Inputs:
    """Raises ValueError that names the option when a base training stage lacks one."""
    depth = _int(options, "depth")
    seq = _int(options, "max_seq_len")
    aspect = int(options.get("aspect_ratio") or checkout.rules.aspect)
    head_dim = int(options.get("head_dim") or checkout.rules.head_dim)
    pattern = str(options.get("window_pattern") or "L")
    kv_heads = int(options.get("kv_heads") or options.get("n_kv_head") or 0)

    def model(layers: int) -> Shape:
        return shape_of(
            checkout.rules,
            depth=layers,
            vocab=vocab,
            seq=seq,
            aspect=aspect,
            head_dim=head_dim,
            kv_heads=kv_heads,
            pattern=pattern,
        )

    wanted = Wanted(
        num_iterations=int(options.get("num_iterations") or -1),
        target_flops=float(options.get("target_flops") or -1),
        ratio=float(options.get("target_param_data_ratio") or -1),
        total_batch=int(options.get("total_batch_size") or -1),
        device_batch=_int(options, "device_batch_size"),
        weight_decay=float(options.get("weight_decay") or 0.0),
        world=world,
    )
    return Inputs(
        model(depth),
        model(REFERENCE_DEPTH),
        wanted,
        fp8=bool(options.get("fp8")),
        save_every=int(options.get("save_every") or -1),
    )


def _int(options: Mapping[str, Any], name: str) -> int:
    value = options.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be a whole number above 0 to plan, not {value!r}")
    return value
