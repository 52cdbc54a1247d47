"""What a run begins with: a checkpoint, its tokenizer, its ranks, and conversations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from nanochat_host.core import snapshot
from nanochat_host.core.checkpoints.archfields import SHAPING, config_fields
from nanochat_host.core.config.vocab import vocabulary
from nanochat_host.core.preflight.checkpoint import Checkpoint
from nanochat_host.core.preflight.situation import Situation
from nanochat_host.core.wire_config import Finding

MAX_RUNS = 200
MAX_CONVERSATION_BYTES = 4 * 2**20
CHARS_PER_TOKEN = 4.0
SMOLTALK_TOKENS = 2048
"""Upstream's conversations reach about this many tokens, which is what it pretrains with."""


class _Run(msgspec.Struct):
    """Of a run.json, what names a tokenizer."""

    base_dir: str = ""
    tokenizer_sha256: str = ""
    config: dict[str, object] = {}


def checkpoint(now: Situation) -> Iterator[Finding]:
    """The checkpoint to begin with must be there, and whole."""
    if not now.kinds or now.to_come is not None:
        return
    resumes, found = now.resume_step is not None, now.source
    option = "resume_from_step" if resumes else "model_step"
    if not resumes and option not in now.config.options():
        option = "step"
    if found is None:
        of = f" of tag {now.tag}" if now.tag else ""
        yield Finding(
            "error",
            "no_checkpoint",
            f"there is no checkpoint{of} in {now.base_dir / f'{now.kinds[0]}_checkpoints'}",
            "the script stops when it looks for it",
            {"resume_from_step": -1} if resumes else {},
            fix_note="" if resumes else "train the stage before it first, or name another tag",
        )
    elif found.step not in found.steps:
        nearest = min(found.steps, key=lambda other: abs(other - found.step))
        yield Finding(
            "error",
            "no_step",
            f"{found.folder} has no checkpoint of step {found.step}",
            "the script stops when it looks for it",
            {option: nearest},
        )
    elif trouble := found.trouble(resumes):
        whole = [step for step in found.steps if not found.at(step).trouble(resumes)]
        yield Finding(
            "error",
            "half_checkpoint",
            f"step {found.step} of {found.folder}: {trouble}",
            "the script stops when it loads it",
            {option: min(whole, key=lambda other: abs(other - found.step))} if whole else {},
            fix_note="" if whole else "no step under this tag is whole: train again",
        )


def architecture(now: Situation) -> Iterator[Finding]:
    """Its weights must be those of the model that this checkout's code makes. Until the checkout's
    own Python has been asked, its configuration is compared with the fields there are."""
    if now.source is None:
        return
    if now.misfits is None:
        yield from _fields(now, now.source)
        return
    if not now.misfits:
        return
    first, more = now.misfits[0], len(now.misfits) - 1
    tail = f" (and {more} more)" if more else ""
    known = first.severity != "note"
    yield Finding(
        first.severity,
        "architecture",
        f"step {now.source.step} of {now.source.tag}: {first.what}{tail}" if known else first.what,
        "the script stops when it loads the weights" if known else "a misfit stops the script",
        fix_note=first.remedy,
    )


def _fields(now: Situation, source: Checkpoint) -> Iterator[Finding]:
    config = source.meta.get("model_config")
    fields = config_fields(now.checkout_path)
    has = config if isinstance(config, dict) else {}
    unknown = sorted(str(key) for key in has if fields and key not in fields)
    if unknown:
        yield Finding(
            "error",
            "architecture",
            f"{source.tag} is of another architecture: this checkout's model has no "
            f"{', '.join(unknown[:3])}",
            "the script stops when it builds the model",
            fix_note="use the checkout, or the commit, that trained it",
        )


def shape(now: Situation) -> Iterator[Finding]:
    """What resumes must build the model that was saved; nanochat builds the one it is told."""
    found = now.source
    if now.resume_step is None or found is None or found.step not in found.steps:
        return
    then = found.meta.get("user_config")
    then = dict(then) if isinstance(then, dict) else {}
    config = found.meta.get("model_config")
    if isinstance(config, dict) and isinstance(config.get("n_layer"), int):
        then["depth"] = config["n_layer"]
    options = now.options
    differs = {k: then[k] for k in SHAPING if k in options and k in then and options[k] != then[k]}
    if differs:
        words = [f"{name} {then[name]}, not {options[name]}" for name in differs]
        yield Finding(
            "error",
            "shape",
            f"step {found.step} of {found.tag} was trained with {', '.join(words)}",
            "its weights fit no other model, or mean something else in it",
            differs,
        )


def tokenizer_of_checkpoint(now: Situation) -> Iterator[Finding]:
    """The checkpoint's tokenizer must be the base folder's; nanochat compares sizes only."""
    found = now.source
    if found is None or now.promised.tokenizer:
        return
    here = vocabulary(now.base_dir)
    note = "put the tokenizer back that it was trained with, or train the model again"
    if here.known and found.vocab_size and here.size != found.vocab_size:
        yield Finding(
            "error",
            "tokenizer_size",
            f"{found.tag} has a vocabulary of {found.vocab_size:,}, the tokenizer {here.size:,}",
            "the script stops when it loads the checkpoint",
            fix_note=note,
        )
        return
    then = trained_with(now.runs, now.base_dir, found.tag)
    digest = snapshot.tokenizer_sha256(str(now.base_dir)) if then else ""
    if then and digest and then != digest:
        yield Finding(
            "error",
            "tokenizer_changed",
            f"{found.tag} was trained with another tokenizer than the one in {now.base_dir}",
            "its words mean others now: the model would read and write noise",
            fix_note=note,
        )
    elif not then and made_at(now.base_dir) > found.saved_at:
        yield Finding(
            "note",
            "tokenizer_newer",
            f"the tokenizer in {now.base_dir} is newer than the checkpoint {found.tag}",
            "if it was trained anew, and not only copied, the model reads noise",
            fix_note=note,
        )


def ranks(now: Situation) -> Iterator[Finding]:
    """The optimizer is saved in a file for each rank."""
    found = now.source
    if now.resume_step is None or found is None or found.ranks in (0, now.nproc):
        return
    yield Finding(
        "error",
        "ranks",
        f"the checkpoint was saved by {found.ranks} processes, this run has {now.nproc}",
        "the optimizer's shards fit no other number",
        {"nproc": found.ranks},
    )


def conversations(now: Situation) -> Iterator[Finding]:
    """A conversation longer than a row never fits, and rows of padding make the loss NaN."""
    seq = now.number("max_seq_len")
    if now.stage.name != "chat_sft" or seq < 1:
        return
    longest = _longest(now.base_dir / "identity_conversations.jsonl")
    if (now.checkout_path / "tasks" / "smoltalk.py").is_file():
        longest = max(longest, SMOLTALK_TOKENS)
    if longest <= seq:
        return
    yield Finding(
        "warning",
        "conversations",
        f"conversations of about {longest:,} tokens do not fit rows of {seq:,}",
        "the loss becomes NaN for good once only such are left, and the run still exits 0",
        {"max_seq_len": -(-longest // 128) * 128},
        fix_note="no more than the model was pretrained with works well",
    )


def counts_micro_batches(now: Situation) -> Iterator[Finding]:
    """chat_sft's iterations are micro-batches."""
    iterations, batch = now.number("num_iterations"), now.number("total_batch_size")
    micro = now.number("device_batch_size") * now.number("max_seq_len") * now.nproc
    if now.stage.name != "chat_sft" or iterations < 1 or micro < 1 or batch < 2 * micro:
        return
    yield Finding(
        "note",
        "micro_batches",
        f"{iterations:,} iterations of chat_sft are micro-batches: "
        f"{iterations * micro // batch:,} steps",
        f"each step takes {batch // micro} of them",
        {"num_iterations": iterations * (batch // micro)},
    )


def trained_with(runs: Path, base_dir: Path, tag: str) -> str:
    """Digest of the tokenizer that our newest base training of this tag ran with, "" if none."""
    try:
        names = [p.name for p in runs.iterdir() if "-base_train-" in p.name]
    except OSError:
        return ""
    for name in sorted(names, reverse=True)[:MAX_RUNS]:
        try:
            raw = (runs / name / "run.json").read_bytes()
            run = msgspec.json.decode(raw, type=_Run)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        its_tag = run.config.get("model_tag") or f"d{run.config.get('depth')}"
        if its_tag == tag and Path(run.base_dir) == base_dir:
            return run.tokenizer_sha256
    return ""


def made_at(base_dir: Path) -> float:
    """When the tokenizer of a base folder was written, 0 if there is none."""
    times = [0.0]
    for name in ("tokenizer.pkl", "tokenizer.json"):
        file = base_dir / "tokenizer" / name
        if file.exists():
            times.append(file.stat().st_mtime)
    return max(times)


def _longest(file: Path) -> int:
    """Tokens of the longest line, estimated from its characters; 0 without the file."""
    try:
        with file.open("rb") as lines:
            text = lines.read(MAX_CONVERSATION_BYTES)
    except OSError:
        return 0
    return int(max(map(len, text.splitlines()), default=0) / CHARS_PER_TOKEN)
