"""Values that no nanochat can train with, by option name. A script declares types, not ranges."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from nanochat_host.checkout.model import Option


class Limits(NamedTuple):
    """lo, hi: both included. off: a value outside that switches the option off."""

    lo: float | None = None
    hi: float | None = None
    off: int | None = None


_RULES: tuple[tuple[str, Limits], ...] = (
    ("depth aspect_ratio max_seq_len device_batch_size n_layer n_head n_embd", Limits(1)),
    ("head_dim", Limits(2)),
    ("vocab_size", Limits(266)),  # 256 bytes and the special tokens
    ("total_batch_size num_iterations", Limits(1, off=-1)),
    ("*_every", Limits(1, off=-1)),
    ("target_flops target_param_data_ratio", Limits(0, off=-1)),
    ("resume_from_step", Limits(0, off=-1)),
    ("eval_tokens split_tokens max_chars doc_cap num_samples", Limits(1)),
    ("warmup_steps warmdown_steps", Limits(0)),
    ("warmup_ratio warmdown_ratio *_lr_frac dropout", Limits(0, 1)),
    ("*_lr lr *_lrs weight_decay", Limits(0)),
    ("*_epochs", Limits(0)),
)


def limits_for(option: Option) -> Limits:
    """The range of the option: a pack's, else as far as its name tells."""
    said = option.said
    if said is not None and (said.lo, said.hi, said.off) != (None, None, None):
        return Limits(said.lo, said.hi, said.off)
    return limits_of(option.name) if option.type in ("int", "float") else Limits()


def limits_of(name: str) -> Limits:
    """The range of the option, as far as its name tells."""
    for patterns, limits in _RULES:
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return limits
    return Limits()
