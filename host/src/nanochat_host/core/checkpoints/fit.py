"""Does a checkpoint fit a checkout, a configuration and a number of processes? Findings only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nanochat_host.core import snapshot
from nanochat_host.core.checkpoints.archfields import SHAPING, config_fields
from nanochat_host.core.checkpoints.catalog import Listed
from nanochat_host.core.config.vocab import vocabulary
from nanochat_host.core.preflight.starting import made_at, trained_with
from nanochat_host.core.wire_checkpoints import CheckpointDetail, CheckpointFinding, Severity

NAMED = 4
RETRAIN = "put back the tokenizer it was trained with, or train the model again"
OTHER_CODE = "it is of another architecture: use the checkout, or the commit, that trained it"
MAY_CONVERT = "it may be of another architecture, unless the checkout converts it: see its loader"
OF_WEIGHTS = frozenset({"config_refused", "missing_weights", "unexpected_weights", "shape"})
"""Findings that say that the code and the weights do not belong together."""


def of_tokenizer(listed: Listed, base_dir: Path, runs: Path) -> Iterator[CheckpointFinding]:
    """The base folder's tokenizer against the one it was trained with. nanochat compares sizes
    only, and a swapped one of the same size yields noise without a word."""
    here = vocabulary(base_dir)
    size = listed.info.model.get("vocab_size")
    if not here.known:
        what = f"there is no tokenizer in {base_dir / 'tokenizer'}"
        yield CheckpointFinding("error", "no_tokenizer", what, RETRAIN)
        return
    if isinstance(size, int) and size != here.size:
        what = f"it knows {size:,} tokens, the tokenizer in {base_dir} has {here.size:,}"
        yield CheckpointFinding("error", "tokenizer_size", what, RETRAIN)
        return
    then = trained_with(runs, base_dir, listed.info.tag)
    if then and then != snapshot.tokenizer_sha256(str(base_dir)):
        what = f"it was trained with another tokenizer than the one in {base_dir}"
        yield CheckpointFinding("error", "tokenizer_changed", what, RETRAIN)
    elif not then and made_at(base_dir) > listed.info.saved_at:
        what = f"the tokenizer in {base_dir} is newer than the checkpoint"
        remedy = "if it was trained anew the model reads noise: compare a sample, or train again"
        yield CheckpointFinding("warning", "tokenizer_newer", what, remedy)


def of_config(listed: Listed, checkout: Path) -> Iterator[CheckpointFinding]:
    """Its configuration against the fields of the checkout's GPTConfig, read from the source."""
    config = listed.meta.get("model_config")
    if not isinstance(config, dict):
        what = "its metadata holds no model_config"
        yield CheckpointFinding("error", "no_config", what, "take another step")
        return
    fields = config_fields(checkout)
    unknown = sorted(str(key) for key in config if fields and key not in fields)
    if unknown:
        what = f"its configuration has {names(unknown)}, which this checkout's GPTConfig has not"
        remedy = "use the checkout (or the commit) that trained it: `checkout add` registers it"
        yield CheckpointFinding("error", "config_keys", what, remedy)


def of_probe(meta: Mapping[str, Any], answer: dict[str, Any]) -> Iterator[CheckpointFinding]:
    """What the checkout's own model said to the file's names and shapes. What is not sure to stop a
    run is a warning."""
    if error := answer.get("config"):
        yield _unbuilt(error, bool(answer.get("sure")))
        return
    severity: Severity = "error" if answer.get("sure") else "warning"
    remedy = OTHER_CODE if answer.get("sure") else MAY_CONVERT
    if missing := answer.get("missing"):
        what = f"the model of this checkout has {names(missing)}, which the file has not"
        yield CheckpointFinding(severity, "missing_weights", what, remedy)
    if extra := answer.get("unexpected"):
        what = f"the file has {names(extra)}, which the model of this checkout has not"
        yield CheckpointFinding(severity, "unexpected_weights", what, remedy)
    for name, there, mine in (answer.get("shapes") or [])[:NAMED]:
        what = f"{name} is {there} in the file and {mine} in this checkout's model"
        yield CheckpointFinding(severity, "shape", what, remedy)
    if patched := answer.get("patched"):
        what = f"an older file: this checkout fills in {names(patched)} with their neutral values"
        yield CheckpointFinding("note", "patched", what)
    then = meta.get("tokenizer_sha256")
    if then and answer.get("digest") and then != answer["digest"]:
        what = "it was trained with another tokenizer than the one in the base folder"
        yield CheckpointFinding("error", "tokenizer_changed", what, RETRAIN)


def _unbuilt(error: str, sure: bool) -> CheckpointFinding:
    if "torch cannot be imported" in error:
        return CheckpointFinding("error", "torch_missing", error)
    what = f"this checkout cannot build its model: {error}"
    if sure:
        return CheckpointFinding("error", "config_refused", what, OTHER_CODE)
    return CheckpointFinding("warning", "unknown", what, "whether it fits is not known; try it")


def of_resume(
    detail: CheckpointDetail, options: dict[str, Any], nproc: int, sharded: bool
) -> Iterator[CheckpointFinding]:
    """Can a run with these options and processes go on from it?"""
    info = detail.info
    if info.state == "weights" and not info.ranks:
        what = "it has no optimizer state: this stage saves none, or it was deleted"
        yield CheckpointFinding(
            "error", "no_optimizer", what, "begin a stage from it (chat_sft) instead of resuming"
        )
    was = detail.world_size or info.ranks
    if nproc and was and sharded and nproc != was:
        what = f"its optimizer is split over {was} processes, the run has {nproc}"
        remedy = f"`checkpoint reshard {info.id} --nproc {nproc}`, or use {was} processes"
        yield CheckpointFinding("error", "world_size", what, remedy)
    then = dict(detail.options)
    if "n_layer" in info.model:
        then.setdefault("depth", info.model["n_layer"])
    for name in SHAPING:
        if name in options and name in then and options[name] != then[name]:
            what = f"{name} is {options[name]}, it was trained with {then[name]}"
            yield CheckpointFinding("error", "option", what, f"set {name}={then[name]}")
    for name in ("device_batch_size", "total_batch_size", "max_seq_len", "num_iterations"):
        if name in options and name in then and options[name] != then[name]:
            what = f"{name} is {options[name]}, it was {then[name]}: the schedule goes on changed"
            yield CheckpointFinding("note", "option_changed", what, f"set {name}={then[name]}")


def names(words: list[str]) -> str:
    """A few of them, and how many more."""
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more
