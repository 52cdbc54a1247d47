"""Counts against a table that nanochat's own models gave, instantiated on the meta device."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.core.planner.architecture import (
    Architecture,
    Rules,
    read_architecture,
    read_rules,
)
from nanochat_host.core.planner.counts import Shape, counts_of, flops_per_token, windows
from nanochat_host.core.planner.horizon import horizon_of
from nanochat_host.core.planner.inputs import Checkout, inputs_of

TABLE = json.loads((Path(__file__).parents[1] / "data" / "planner_counts.json").read_text())


def architecture(fields: dict[str, Any]) -> Architecture:
    return Architecture(**{**fields, "short": tuple(fields["short"])})


@pytest.mark.parametrize("group", TABLE["counts"])
def test_weights_and_flops_are_nanochats_own(group: dict[str, Any]) -> None:
    arch = architecture(group["architecture"])
    for depth, width, heads, vocab, seq, pattern, total, flops in group["rows"]:
        shape = Shape(depth, width, heads, heads, vocab, seq, pattern)
        assert (counts_of(shape, arch).total, flops_per_token(shape, arch)) == (total, flops)


@pytest.mark.parametrize("group", TABLE["horizons"])
def test_batch_steps_and_scaling_are_nanochats_own(group: dict[str, Any]) -> None:
    checkout = Checkout(architecture(group["architecture"]), Rules(**group["rules"]))
    for row in group["rows"]:
        given = inputs_of({**row, "device_batch_size": 16}, checkout, row["vocab"], 1)
        found = horizon_of(
            given.shape, given.reference, given.wanted, checkout.arch, checkout.rules
        )
        width, heads, batch, iterations, flops, lr, decay = row["want"]
        assert (given.shape.width, given.shape.heads) == (width, heads)
        assert (found.batch, found.iterations) == (batch, iterations)
        assert found.flops_per_token == flops
        assert math.isclose(found.lr_scale, lr, abs_tol=1e-8)
        assert math.isclose(found.decay, decay, abs_tol=1e-8)


def test_the_table_covers_the_history() -> None:
    kinds = {group["architecture"]["value_embeds"] for group in TABLE["counts"]}
    assert kinds == {"none", "low_rank", "shared", "every", "alternate"}
    assert {group["rules"]["auto_batch"] for group in TABLE["horizons"]} >= {"given", "power"}


def test_the_last_layer_sees_all() -> None:
    shape = Shape(5, 640, 5, 5, 32768, 2048, "SSL")
    assert windows(shape, Architecture()) == [512, 512, 2048, 512, 2048]
    assert windows(shape._replace(pattern="L"), Architecture()) == [2048] * 5
    assert windows(shape._replace(seq=64), Architecture()) == [64] * 5


NEW = """
class Attention(nn.Module):
    def __init__(self, config):
        self.c_q = Linear(config.n_embd, config.n_embd, bias=False)
        self.ve_gate_channels = 12
        self.ve_gate = Linear(12, 1) if has_ve(layer) else None
class GPT(nn.Module):
    def __init__(self, config, pad_vocab_size_to=64):
        self.transformer = nn.ModuleDict({"wte": nn.Embedding(padded, config.n_embd)})
        self.resid_lambdas = nn.Parameter(torch.ones(config.n_layer))
        self.smear_gate = Linear(24, 1, bias=False)
        self.backout_lambda = nn.Parameter(0.2 * torch.ones(1))
        self.value_embeds = nn.ModuleDict({"0": nn.Embedding(padded, kv_dim)})
    def sizes(self):
        short_window = -(-long_window // 4 // 128) * 128
    def num_matmul_params(self): ...
"""


def test_an_architecture_is_known_by_its_declarations() -> None:
    arch = read_architecture(NEW)
    assert arch.unknown == ()
    assert (arch.pad, arch.value_embeds, arch.ve_gate, arch.smear) == (64, "alternate", 12, 24)
    assert (arch.layer_scalars, arch.scalars, arch.short) == (1, 1, (4, 128))
    old = read_architecture(
        "class GPT:\n    def __init__(self):\n        self.lm_head = nn.Linear(1)"
    )
    assert (old.pad, old.value_embeds, old.short, old.smear) == (1, "none", (0, 1), 0)


def test_an_unknown_declaration_is_named() -> None:
    fork = NEW + "class MLP(nn.Module):\n    def __init__(self, config):\n"
    fork += "        self.router = nn.Linear(config.n_embd, 8, bias=False)\n"
    fork += "        self.c_fc = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False)\n"
    assert read_architecture(fork).unknown == (
        "router",
        "feed-forward of 3 times the width",
    )
    with pytest.raises(SyntaxError):
        read_architecture("def")


@pytest.mark.parametrize(
    ("source", "want"),
    [
        ("num_heads = find_num_heads(model_dim)", ("divide", "given", "plain")),
        ("decay = args.weight_decay * (12 / args.depth)**2", ("floor", "given", "depth")),
        ("x = 1 ** 0.383\ny = D_REF / target_tokens", ("floor", "power", "epoch")),
    ],
)
def test_rules_are_known_by_their_formulas(source: str, want: tuple[str, str, str]) -> None:
    rules = read_rules(source)
    assert (rules.width, rules.auto_batch, rules.decay) == want
