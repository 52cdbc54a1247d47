"""Which of nanochat's architectures a checkout has, read from its `gpt.py` and `base_train.py`.

The model changed a dozen times in its history; each change leaves a declaration behind by which it
is known. A declaration that is not known makes every count an estimate, and says so.
"""

from __future__ import annotations

import ast
import re
from typing import Literal, NamedTuple

from nanochat_host.checkout.parsing import parse

ValueEmbeds = Literal["none", "low_rank", "shared", "every", "alternate"]
Width = Literal["floor", "divide", "ceil", "round"]
AutoBatch = Literal["given", "least", "power"]
Decay = Literal["plain", "depth", "epoch"]

_KNOWN = {
    *("c_q", "c_k", "c_v", "c_proj", "c_fc", "lm_head", "wte"),
    *("resid_lambdas", "x0_lambdas", "v0_lambdas", "bigram_lambdas"),
    *("ve_gate", "smear_gate", "smear_lambda", "backout_lambda"),
    *("value_embed", "value_embeds", "value_embed_A", "value_embed_B", "bigram_embed", "embed"),
    *("query", "key", "value", "project", "widen"),
}
_MAKERS = {"Linear", "Embedding", "Parameter", "LayerNorm", "RMSNorm", "Conv1d"}
_LAYER_SCALAR = re.compile(
    r"self\.(\w+) *= *nn\.Parameter\(torch\.(?:ones|zeros)\(config\.n_layer\)"
)
_ONE_SCALAR = re.compile(r"self\.(\w+) *= *nn\.Parameter\((?:[\d.]+ *\* *)?torch\.\w+\(1\)")
_SHORT = re.compile(r"short_window *= *-\(-long_window *// *(\d+) *// *128\) *\* *128")
_HALF = re.compile(r"short_window *= *long_window *// *(\d+)")


class Architecture(NamedTuple):
    """The parts of gpt.py that count. pad: the vocabulary is rounded up to a multiple of it.
    layer_scalars, scalars: learnable numbers for each layer, and single ones. smear: channels of
    the smear gate. bigrams: rows of the bigram table for each token. counted_layer_scalars,
    counted_smear: what of these the FLOPs formula takes for weights. short: (divisor, tile) of the
    short window, divisor 0 where there are no windows. unknown: declarations no rule covers."""

    pad: int = 64
    value_embeds: ValueEmbeds = "alternate"
    ve_gate: int = 12
    layer_scalars: int = 2
    scalars: int = 2
    smear: int = 24
    bigrams: int = 0
    counted_layer_scalars: int = 0
    counted_smear: bool = True
    short: tuple[int, int] = (4, 128)
    unknown: tuple[str, ...] = ()


class Rules(NamedTuple):
    """The parts of base_train.py that count. width: how depth becomes heads and channels. scaling:
    which weights the data ratio is of. auto_batch: what -1 means. decay: how weight decay is
    scaled. lr: learning rates follow the batch."""

    width: Width = "ceil"
    aspect: int = 64
    head_dim: int = 128
    scaling: Literal["all", "matrices"] = "matrices"
    auto_batch: AutoBatch = "power"
    decay: Decay = "epoch"
    lr: bool = True


def read_architecture(source: str) -> Architecture:
    """From the text of gpt.py. Raises SyntaxError."""
    declared = _declared(parse(source))
    layer_scalars = set(_LAYER_SCALAR.findall(source))
    scalars = set(_ONE_SCALAR.findall(source))
    unknown = sorted(declared - _KNOWN - layer_scalars - scalars)
    if re.search(r"Linear\([^)]*bias=True", source):
        unknown.append("bias")
    if (found := re.search(r"(\d+) *\* *config\.n_embd, bias", source)) and found[1] != "4":
        unknown.append(f"feed-forward of {found[1]} times the width")
    return Architecture(
        pad=64 if "pad_vocab_size_to=64" in source else 1,
        value_embeds=_value_embeds(source),
        ve_gate=_number(r"self\.ve_gate_channels *= *(\d+)", source),
        layer_scalars=len(layer_scalars),
        scalars=len(scalars),
        smear=_number(r"self\.smear_gate *= *\w*\.?Linear\((\d+), *1\b", source),
        bigrams=_number(r"table_multiplier: int *= *(\d+)", source),
        counted_layer_scalars=_counted(source, len(layer_scalars)),
        counted_smear="num_matmul_params" in source,
        short=_short_window(source),
        unknown=tuple(unknown),
    )


def read_rules(source: str) -> Rules:
    """From the text of base_train.py."""
    if "find_num_heads" in source:
        width: Width = "divide"
    elif re.search(r"head_dim *- *1\) *// *args\.head_dim\) *\* *args\.head_dim", source):
        width = "ceil"
    elif re.search(r"round\(args\.depth \* args\.aspect_ratio / args\.head_dim\)", source):
        width = "round"
    else:
        width = "floor"
    matrices = "transformer_matrices" in source and "lm_head" in source
    if "batch_size_ratio" in source or "0.383" in source:
        auto: AutoBatch = "power"
    else:
        auto = "least" if re.search(r"if total_batch_size == -1", source) else "given"
    if re.search(r"D_REF */ *target_tokens", source):
        decay: Decay = "epoch"
    else:
        decay = "depth" if re.search(r"\(12 */ *(?:args\.)?depth\) *\*\* *2", source) else "plain"
    return Rules(
        width=width,
        scaling="matrices" if matrices else "all",
        auto_batch=auto,
        decay=decay,
        lr="batch_lr_scale" in source,
    )


def _declared(tree: ast.Module) -> set[str]:
    """Names under which the model's classes declare weights, also within lists of modules."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)):
            continue
        inside = list(ast.walk(node.value))
        if any(_makes(call) for call in inside):
            keys = {k.value for k in inside if isinstance(k, ast.Constant)} & {"wte", "wpe"}
            found |= {str(key) for key in keys} or {node.targets[0].attr}
    return found


def _makes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return (name or (node.func.id if isinstance(node.func, ast.Name) else "")) in _MAKERS


def _value_embeds(source: str) -> ValueEmbeds:
    if "self.value_embed_A" in source:
        return "low_rank"
    if re.search(r"self\.value_embed *=", source):
        return "shared"
    if "self.value_embeds" not in source:
        return "none"
    return "alternate" if "has_ve" in source else "every"


def _counted(source: str, layer_scalars: int) -> int:
    """How many of the per-layer scalars the FLOPs formula takes for weights: early formulas left
    out the embeddings only."""
    if "num_matmul_params" in source or "nparams_exclude" in source:
        return 0
    return layer_scalars if "nparams_embedding" in source else 0


def _short_window(source: str) -> tuple[int, int]:
    if found := _SHORT.search(source):
        return int(found[1]), 128
    if found := _HALF.search(source):
        return int(found[1]), 1
    return 0, 1


def _number(pattern: str, source: str) -> int:
    found = re.search(pattern, source)
    return int(found[1]) if found else 0
