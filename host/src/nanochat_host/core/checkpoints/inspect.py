"""One checkpoint looked into: tensors, the ranks its optimizer is split over, options to resume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nanochat_host.core.checkpoints.archive import BadArchiveError, Tensor, read_archive
from nanochat_host.core.checkpoints.catalog import Listed, plain
from nanochat_host.core.checkpoints.files import Found
from nanochat_host.core.wire_checkpoints import CheckpointDetail, CheckpointFinding, TensorInfo

COMPILED = "_orig_mod."
"""torch.compile puts it before every name; nanochat takes it off when loading."""
SHARDED_FROM = 1024
"""nanochat splits the moments of weights with at least this many elements."""
MAX_WORLD = 1024


def inspect(listed: Listed) -> CheckpointDetail:
    """Read the descriptions of its files. Blocks: milliseconds for a model of any size."""
    info, meta = listed.info, listed.meta
    detail = CheckpointDetail(info, meta=plain(meta), options=resume_options(meta))
    detail.findings = [_problem(problem) for problem in info.problems]
    model = listed.files.one("model")
    shapes: dict[str, Tensor] = {}
    if model is not None:
        try:
            shapes = model_tensors(model)
        except (BadArchiveError, OSError) as error:
            _add(detail, _unreadable(model, error, "error"))
    detail.tensors = [TensorInfo(name, list(t.shape), t.dtype) for name, t in shapes.items()]
    detail.params = sum(tensor.elements for tensor in shapes.values())
    for file in listed.files.optimizers:
        try:
            tree = read_archive(file.path)
        except (BadArchiveError, OSError) as error:
            _add(detail, _unreadable(file, error, "warning"))
            continue
        if file.rank == 0 and shapes:
            detail.world_size = world_size(tree, shapes)
            detail.sharded = is_sharded(tree)
    _compare_ranks(detail)
    return detail


def model_tensors(file: Found) -> dict[str, Tensor]:
    """Name to shape of a model file. Raises BadArchiveError or OSError."""
    tree = read_archive(file.path)
    if not isinstance(tree, dict) or not all(isinstance(t, Tensor) for t in tree.values()):
        raise BadArchiveError("it holds something else than weights")
    return {str(name).removeprefix(COMPILED): tensor for name, tensor in tree.items()}


def world_size(optimizer: Any, shapes: dict[str, Tensor]) -> int:
    """Over how many ranks rank 0's optimizer is split: the least number for which every moment is a
    part of a weight of the model. 1: whole. 0: of a kind that is not known."""
    whole = [tensor.shape for tensor in shapes.values()]
    moments = list(_moments(optimizer))
    if not moments:
        return 0
    for ranks in range(1, MAX_WORLD + 1):
        if all(_fits(shape, many, stacked, whole, ranks) for shape, many, stacked in moments):
            return ranks
    return 0


def is_sharded(optimizer: Any) -> bool:
    """nanochat's own optimizers split their state: today's groups carry a `kind`, older ones come
    as a list. A plain torch optimizer is whole on every rank."""
    groups = optimizer.get("param_groups") if isinstance(optimizer, dict) else None
    kinds = isinstance(groups, list) and any("kind" in g for g in groups if isinstance(g, dict))
    return isinstance(optimizer, list) or kinds


def _moments(tree: Any) -> Iterator[tuple[tuple[int, ...], int, bool]]:
    """(shape, weights in its group, stacked) of each first moment. An older format is a list of
    optimizers; stacked ones hold a group's weights in one tensor."""
    for part in tree if isinstance(tree, list) else [tree]:
        state = part.get("state") if isinstance(part, dict) else None
        groups = part.get("param_groups") if isinstance(part, dict) else None
        if not isinstance(state, dict) or not isinstance(groups, list):
            continue
        for group in groups:
            ids = group.get("params", []) if isinstance(group, dict) else []
            for number in ids:
                entry = state.get(number)
                if not isinstance(entry, dict):
                    continue
                if isinstance(moment := entry.get("exp_avg"), Tensor):
                    yield moment.shape, len(ids), False
                stack = entry.get("momentum_buffer") if group.get("kind") == "muon" else None
                if isinstance(stack, Tensor):
                    yield stack.shape, len(ids), True


def _fits(
    shape: tuple[int, ...], many: int, stacked: bool, whole: Iterable[tuple[int, ...]], ranks: int
) -> bool:
    if stacked:
        return shape[0] == -(-many // ranks) and any(shape[1:] == full for full in whole)
    if ranks == 1 or (Tensor(shape, "").elements < SHARDED_FROM and shape in whole):
        return shape in whole
    return bool(shape) and (shape[0] * ranks, *shape[1:]) in whole


def _compare_ranks(detail: CheckpointDetail) -> None:
    """The files there are against the number they say they were split over."""
    files, ranks = detail.info.ranks, detail.world_size
    if ranks > 1 and files != ranks:
        what = f"its optimizer is split over {ranks} ranks, but there are {files} files"
        remedy = "take another step, or resume without the optimizer's state"
        _add(detail, CheckpointFinding("warning", "ranks_mixed", what, remedy))


def resume_options(meta: dict[str, Any]) -> dict[str, Any]:
    """The options it was trained with, and the step to go on from."""
    options = meta.get("user_config")
    if not isinstance(options, dict):
        return {}
    filled = {key: value for key, value in plain(options).items() if value is not None}
    if "resume_from_step" in filled and isinstance(meta.get("step"), int):
        filled["resume_from_step"] = meta["step"]
    return filled


def _problem(problem: str) -> CheckpointFinding:
    optimizer = "optim" in problem
    severity, remedy = ("warning", RESUME_OTHER) if optimizer else ("error", TAKE_OTHER)
    return CheckpointFinding(severity, "incomplete", problem, remedy)  # type: ignore[arg-type]


def _unreadable(file: Found, error: Exception, severity: Any) -> CheckpointFinding:
    remedy = TAKE_OTHER if severity == "error" else RESUME_OTHER
    return CheckpointFinding(severity, "unreadable", f"{file.name}: {error}", remedy)


def _add(detail: CheckpointDetail, finding: CheckpointFinding) -> None:
    """Once: the listing may have said the same of the file already."""
    name = finding.what.partition(":")[0]
    if not any(name in known.what for known in detail.findings):
        detail.findings.append(finding)


TAKE_OTHER = "take another step: this one cannot be loaded; `checkpoint delete` removes it"
RESUME_OTHER = "it can be used, but not resumed from; take another step to go on training"
