"""The lines nanochat and its forks print, from its first version to today, as patterns.

Each pattern has a name; named groups carry the values. `match` tries only patterns that can apply
to how a line begins, so a line that says nothing costs little.
"""

from __future__ import annotations

import re

from nanochat_host.core.telemetry.decode import WHOLE_LIMIT

_N = r"[-+]?(?:\d[\d,]*\.?\d*(?:e[-+]?\d+)?|nan|inf)"


def _n(name: str) -> str:
    return rf"(?P<{name}>{_N})"


_STEP_PATTERNS = {
    # base_train and chat_sft since 2026-01, base_train and mid_train before
    "train": rf"step (?P<step>\d+)(?:/(?P<num_steps>\d+))? \({_n('percent')}%\)"
    rf" \| loss: {_n('loss')} \|(?: grad norm: {_n('grad_norm')} \|)? lrm: {_n('lrm')}"
    rf" \| dt: {_n('dt_ms')}ms"
    rf" \| tok/sec: {_n('tok_per_sec')} \| (?:bf16_)?mfu: {_n('mfu')}"
    rf"(?: \| epoch: (?P<epoch>\d+)[^|]*?)? \| total time: {_n('total_min')}m"
    rf"(?: \| eta: {_n('eta_min')}m)?",
    "sft_old": rf"Step (?P<step>\d+)/(?P<num_steps>\d+) \| Training loss: {_n('loss')}"
    rf"\| lrm: {_n('lrm')}\| num_tokens: {_n('num_tokens')}",
    "val_bpb": rf"Step (?P<step>\d+) \| Validation bpb: {_n('value')}",
    "val_loss": rf"Step (?P<step>\d+) \| Validation loss: {_n('value')}",
    "core": rf"Step (?P<step>\d+) \| CORE metric: {_n('value')}",
    "chatcore": rf"Step (?P<step>\d+) \| ChatCORE: {_n('value')} \| ChatCORE_cat: {_n('cat')}",
    "rl_pass": rf"Step (?P<step>\d+)/(?P<num_steps>\d+) \| Example step (?P<example>\d+)"
    rf" \| Pass (?P<pass>\d+) \| loss: {_n('loss')} \| Average reward: {_n('reward')}",
    "rl_step": rf"Step (?P<step>\d+)/(?P<num_steps>\d+) \| Average reward: {_n('reward')}"
    rf" \| Average sequence length: {_n('length')}",
    "named": rf"Step (?P<step>\d+) \| (?P<pairs>[\w@]+: {_N}(?:, [\w@]+: {_N})*)$",
}
_OTHER_PATTERNS = {
    "core_task": r"Evaluating: (?P<task>\S+) \((?P<shots>\d+)-shot, type: (?P<type>\w+)\)\.\.\. "
    rf"accuracy: {_n('accuracy')} \| centered: {_n('centered')} \| time: {_n('secs')}s",
    "core_final": rf"CORE metric: {_n('value')}",
    "chatcore_final": rf"ChatCORE metric: {_n('value')}",
    "split_bpb": rf"(?P<split>train|val) bpb: {_n('value')}",
    "task": rf"(?:  (?P<inline>[\w-]+)|(?P<task>[\w-]+) accuracy): {_n('percent')}%$",
    "evaluated": r"Evaluating model: (?P<model>.+) \(step (?P<step>\d+)\)",
    "num_steps": r"(?:Using user-provided|Calculated) number of (?:iterations|steps)"
    rf".*: {_n('value')}$",
    "batch": rf"Total batch size {_n('value')} => gradient accumulation steps: {_n('accum')}",
    "micro_batch": r"Tokens / micro-batch / rank: (?P<batch>\d+) x \d+",
    "params": rf"(?:total +|Number of parameters): {_n('value')}$",
    "vocab": rf"(?:Vocab size|vocab_size): {_n('value')}",
    "flops": rf"Estimated FLOPs per token: {_n('value')}",
    "total_flops": rf"Total training FLOPs estimate: {_n('value')}",
    "total_tokens": rf"Total number of training tokens: {_n('value')}",
    "device": r"Autodetected device type: (?P<value>\w+)",
    "gpu": rf"GPU: (?P<value>.+) \| Peak FLOPS \(BF16\): {_n('peak')}",
    "world": r".*Distributed world size: (?P<value>\d+)",
    "resume": r"Resuming optimization from step (?P<step>\d+)",
    "peak_memory": rf"Peak memory usage: {_n('value')}MiB",
    "train_time": rf"Total training time: {_n('value')}m",
    "min_bpb": rf"Minimum validation bpb: {_n('value')}",
    "saved": r".*Saved (?:model|metadata|optimizer)(?: parameters| state| file)?"
    r" to: (?P<path>\S+)",
    "tokenizer": r".*Progress: (?P<percent>\d+)% \((?P<merges>\d+)/(?P<total>\d+) merges\)",
    "timers": rf"\[Timers\] (?P<name>controller|forward|optimizer|dataloader): {_n('ms')} ms",
    "oom": r".*(?P<text>(?:torch\.)?(?:cuda\.)?OutOfMemoryError.*|CUDA out of memory.*)",
    "traceback": r"(?:\[rank\d+\]: ?)?Traceback \(most recent call last\)",
    "exception": r"(?:\[rank\d+\]: ?)?(?P<type>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt))"
    r"(?:: (?P<text>.*))?$",
    "refused": r"(?:[\w.-]+\.py: )?error: (?P<text>.+)",
    "sample": r"(?P<text><\|bos\|>.*)",
    "divider": r"[-=]{20,}$",
}
_STEP = {name: re.compile(pattern) for name, pattern in _STEP_PATTERNS.items()}
_OTHER = {name: re.compile(pattern) for name, pattern in _OTHER_PATTERNS.items()}
_WORDS = (
    b"step |Step |Evaluating|CORE metric|ChatCORE|train bpb|val bpb|  [\\w-]+: |[\\w-]+ accuracy: "
    b"|Using user-|Calculated |Total |total +:|Number of|Vocab size|vocab_size|Estimated |Tokens / "
    b"|Autodetected|GPU: |Resuming|Peak |Minimum |\\[Timers|\\[rank|Traceback"
    b"|[A-Za-z_][\\w.]*(?:Error|Exception|Interrupt)|<\\|bos|-----|====="
    b"|(?:[\\w.-]+\\.py: )?error: "
    b"|[^\\n]*(?:Saved |world size|Progress: |OutOfMemory|out of memory)"
)
RELEVANT = re.compile(b"(?m)^(?:\\x1b\\[[0-9;]*[A-Za-z])*(?:" + _WORDS + b")")
"""Where lines begin that may say something: used on whole chunks of bytes."""


def match(line: str) -> tuple[str, re.Match[str]] | None:
    """The name and the match of the first pattern that applies to a line without escapes."""
    patterns = _STEP if line[:5].lower() == "step " else _OTHER
    for name, pattern in patterns.items():
        if found := pattern.match(line):
            return name, found
    return None


def to_number(text: str) -> float:
    """A number as printed, with thousands separators."""
    return float(text.replace(",", ""))


def to_whole(text: str, factor: int = 1) -> int:
    """A step or a count as printed, times `factor`. Raises ValueError for what can be neither: nan,
    inf, and more digits than any count has."""
    number = to_number(text) * factor
    if not abs(number) < WHOLE_LIMIT:
        raise ValueError(f"{text:.40} counts nothing")
    return int(number)
