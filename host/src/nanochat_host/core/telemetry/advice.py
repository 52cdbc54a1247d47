"""What to do about the error that ended a trainer, by what it said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HINTS = (
    ("signal 9", "if that was not you, the kernel ran out of memory: see dmesg"),
    ("no module named", "`nanochat-cli checkout setup NAME` says how its environment gets that"),
    ("cuda is needed", "this version of the checkout trains on CUDA GPUs only"),
    ("tokenizer.pkl", "train a tokenizer first: scripts.tok_train"),
    ("base_data", "get the data first: python -m nanochat.dataset"),
    ("must be a multiple", "make --total-batch-size a multiple of device batch x length x ranks"),
    ("no space left", "free some space, then resume from the last checkpoint"),
    ("missing key", "the checkpoint is of another version of nanochat"),
    ("size mismatch", "the checkpoint is of a model of another size"),
    ("state_dict", "the checkpoint is of another model or version of nanochat"),
)


def is_out_of_memory(error: str) -> bool:
    """Whether a trainer's message says that memory ran out."""
    low = error.lower()
    return "out of memory" in low or "outofmemory" in low


def batch_ladder(facts: Mapping[str, Any]) -> str:
    """The smaller device batches to try, by what the run said of its own. facts: of the run."""
    batch = facts.get("device_batch_size")
    if isinstance(batch, int) and batch > 1:
        ladder = [str(batch >> n) for n in range(1, 4) if batch >> n]
        return f"try --device-batch-size={', then '.join(ladder)}: the total batch stays the same"
    if batch == 1:
        return "the device batch is 1 already: a smaller --max-seq-len or --depth, or a larger GPU"
    return "halve --device-batch-size: the total batch stays the same"


def hint_for(error: str) -> str:
    """What to do about an error message of the trainer."""
    low = error.lower()
    return next((hint for word, hint in _HINTS if word in low), "the log has the whole message")
