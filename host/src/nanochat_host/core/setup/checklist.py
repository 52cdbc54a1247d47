"""What a checkout still needs before it trains and talks, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nanochat_host.checkout.model import Checkout
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.core.wire_checkpoints import CheckpointInfo
from nanochat_host.core.wire_setup import DataStatus, EnvInfo, SetupItem, TokenizerStatus

MAX_TAGS = 3


def checklist(
    ref: CheckoutRef,
    found: Checkout,
    env: EnvInfo,
    data: DataStatus,
    checkpoints: Sequence[CheckpointInfo],
    busy: dict[str, str],
) -> Iterator[SetupItem]:
    """busy: stage to the id of a live run of this checkout that is at it."""
    stages = {stage.name for stage in found.stages if not stage.error}
    yield _checkout(ref, found)
    yield _environment(env)
    yield _device(env)
    if data.folder:
        yield _dataset(data, "dataset" in stages)
    if data.tokenizer is not None:
        yield _tokenizer(data.tokenizer, busy, stages)
    yield _tasks(Path(ref.base_dir), stages)
    yield _model("base", "base model", checkpoints, "base_train", busy, stages)
    yield _model("chat", "chat model", checkpoints, "chat_sft", busy, stages)


def _checkout(ref: CheckoutRef, found: Checkout) -> SetupItem:
    broken = [stage for stage in found.stages if stage.error]
    if broken:
        first = broken[0]
        more = f" (and {len(broken) - 1} more)" if broken[1:] else ""
        said = f"{first.path} cannot be read: {first.error}{more}"
        state = "broken" if len(broken) == len(found.stages) else "ready"
        return SetupItem("checkout", "checkout", state, said)  # type: ignore[arg-type]
    commit = f" at {found.commit[:7]}" if found.commit else ""
    changed = ", with changes" if found.dirty else ""
    said = f"{len(found.stages)} stages in {ref.path}{commit}{changed}"
    return SetupItem("checkout", "checkout", "ready", said)


def _environment(env: EnvInfo) -> SetupItem:
    item = SetupItem("environment", "environment", "ready", env.interpreter, run=env.run)
    if env.run:
        item.state, item.said, item.todo = "busy", "being made", "show what it prints"
    elif not env.checked:
        item.state, item.said = "busy", f"looking at {env.interpreter}"
    elif env.trouble:
        broken = not env.python
        item.state = "broken" if broken else "missing"
        item.said, item.todo = env.trouble, "make or choose one"
    else:
        item.said = f"Python {env.python}, torch {env.torch}, {env.interpreter}"
        item.todo = "choose another Python"
    return item


def _device(env: EnvInfo) -> SetupItem:
    if not env.devices:
        state = "missing" if env.checked else "busy"
        said = "known once torch can be imported" if env.checked else "asking torch"
        return SetupItem("device", "device", state, said)  # type: ignore[arg-type]
    best = [device for device in env.devices if device != "cpu"] or ["cpu"]
    note = "" if best != ["cpu"] else ": fine for small models, days for large ones"
    return SetupItem("device", "device", "ready", ", ".join(best) + note)


def _dataset(data: DataStatus, can: bool) -> SetupItem:
    size = _size(data.size_bytes)
    told = f"{data.shards} shards, {size}"
    item = SetupItem("dataset", "data set", "ready", told, run=data.run)
    if data.validation:
        item.said += f", validates on {data.validation}"
    if data.run:
        item.state, item.todo = "busy", "show what it prints"
        item.said = f"downloading, {size} so far"
        item.done, item.total, item.unit = data.shards, data.wanted, "shards"
    elif data.trouble:
        item.state = "broken" if data.broken else "missing"
        item.said = data.trouble
        item.todo = "download" if can else "put files there"
    else:
        item.todo = "download more" if can else ""
    return item


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _tokenizer(tokenizer: TokenizerStatus, busy: dict[str, str], stages: set[str]) -> SetupItem:
    item = SetupItem("tokenizer", "tokenizer", "ready", "")
    if run := busy.get("tok_train") or busy.get("tok_eval"):
        item.state, item.run, item.todo = "busy", run, "show what it prints"
        item.said = "being trained" if "tok_train" in busy else "being evaluated"
    elif tokenizer.trouble:
        item.state = "broken" if tokenizer.sha256 else "missing"
        item.said = tokenizer.trouble
        item.todo = "train one" if "tok_train" in stages else ""
    else:
        item.said = f"{tokenizer.vocab_size:,} tokens"
        if tokenizer.asked > tokenizer.vocab_size:
            item.said += f" of {tokenizer.asked:,} asked for: the text gives no more"
        item.said += ", evaluated" if tokenizer.evaluated else ""
        item.todo = "evaluate or retrain" if "tok_eval" in stages else "train another"
    return item


def _tasks(base: Path, stages: set[str]) -> SetupItem:
    have = [name for name in ("eval_bundle", "task_data") if any(_inside(base / name))]
    if (base / "identity_conversations.jsonl").is_file():
        have.append("identity_conversations.jsonl")
    if have:
        return SetupItem("tasks", "task data", "ready", ", ".join(have))
    who = " and ".join(name for name in ("base_eval", "chat_sft") if name in stages) or "a stage"
    return SetupItem("tasks", "task data", "later", f"{who} will fetch it when it is needed")


def _inside(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _model(
    which: str,
    title: str,
    checkpoints: Sequence[CheckpointInfo],
    stage: str,
    busy: dict[str, str],
    stages: set[str],
) -> SetupItem:
    kinds = ("base",) if which == "base" else ("chatsft", "sft", "chatrl")
    item = SetupItem(which, title, "missing", "none yet")  # type: ignore[arg-type]
    mine = [c for c in checkpoints if c.stage in kinds and c.state != "broken"]
    if mine:
        newest = sorted(mine, key=lambda c: -c.saved_at)
        tags = list(dict.fromkeys(f"{c.stage}/{c.tag} step {c.step}" for c in newest))
        item.state, item.said = "ready", ", ".join(tags[:MAX_TAGS])
    if run := busy.get(stage):
        item.state, item.run, item.said = "busy", run, f"{stage} is under way"
        item.todo = "show the run"
    elif stage in stages:
        item.todo = f"start {stage}" if not mine else ("talk to it" if which == "chat" else "")
    return item
