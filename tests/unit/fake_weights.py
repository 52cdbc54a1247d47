"""Files as `torch.save` writes them, made without torch."""

from __future__ import annotations

import json
import math
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple


class Weight(NamedTuple):
    """A float32 tensor of zeros."""

    shape: tuple[int, ...]


def save(path: Path, tree: Any, *, raw: bytes | None = None) -> Path:
    """Write `tree` as torch does. raw: the description to write instead."""
    sizes: list[int] = []
    description = b"\x80\x02" + _encode(tree, sizes) + b"." if raw is None else raw
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("archive/data.pkl", description)
        for number, size in enumerate(sizes):
            zipped.writestr(f"archive/data/{number}", bytes(size))
        zipped.writestr("archive/version", "3\n")
    return path


def _encode(tree: Any, sizes: list[int]) -> bytes:
    if isinstance(tree, Weight):
        return _tensor(tree.shape, sizes)
    if isinstance(tree, dict):
        body = b"".join(_encode(k, sizes) + _encode(v, sizes) for k, v in tree.items())
        return b"}(" + body + b"u"
    if isinstance(tree, list | tuple):
        body = b"".join(_encode(item, sizes) for item in tree)
        return b"](" + body + b"e" if isinstance(tree, list) else b"(" + body + b"t"
    if isinstance(tree, str):
        return b"X" + struct.pack("<I", len(tree.encode())) + tree.encode()
    if isinstance(tree, float):
        return b"G" + struct.pack(">d", tree)
    assert isinstance(tree, int)
    return b"J" + struct.pack("<i", tree)


def _tensor(shape: tuple[int, ...], sizes: list[int]) -> bytes:
    key, count = str(len(sizes)), math.prod(shape)
    sizes.append(4 * count)
    strides = tuple(math.prod(shape[at + 1 :]) for at in range(len(shape)))
    storage = [_encode("storage", sizes), b"ctorch\nFloatStorage\n"]
    storage += [_encode(word, sizes) for word in (key, "cpu", count)]
    pid = b"(" + b"".join(storage) + b"tQ"
    where = _encode(0, sizes) + _encode(shape, sizes) + _encode(strides, sizes)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + pid + where + b"\x89}tR"


MODEL = {"wte.weight": Weight((64, 32)), "lm_head.weight": Weight((64, 32)), "gate": Weight((4,))}
CONFIG = {"sequence_len": 64, "vocab_size": 64, "n_layer": 2, "n_head": 2, "n_embd": 32}


def adamw(ranks: int) -> dict[str, Any]:
    """nanochat's state of one of `ranks` ranks for MODEL."""
    shapes = [(64 // ranks, 32), (64 // ranks, 32), (4,)]
    state = {n: {"step": 3, "exp_avg": Weight(shape)} for n, shape in enumerate(shapes)}
    return {"state": state, "param_groups": [{"kind": "adamw", "params": [0, 1, 2]}]}


def checkpoint(
    base: Path, kind: str = "base", tag: str = "d2", step: int = 10, ranks: int = 1, **meta: Any
) -> Path:
    """A whole checkpoint in `<base>/<kind>_checkpoints/<tag>`; returns that folder."""
    folder = base / f"{kind}_checkpoints" / tag
    save(folder / f"model_{step:06d}.pt", MODEL)
    for rank in range(ranks):
        save(folder / f"optim_{step:06d}_rank{rank}.pt", adamw(ranks))
    tree = {"step": step, "val_bpb": 1.0, "model_config": CONFIG, **meta}
    (folder / f"meta_{step:06d}.json").write_text(json.dumps(tree))
    return folder
