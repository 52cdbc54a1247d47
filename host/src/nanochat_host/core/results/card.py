"""The report card: every result of a checkout's models, the newest of each measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from nanochat_host.core.checkpoints.catalog import Listed
from nanochat_host.core.results.logs import results_in_log
from nanochat_host.core.results.measures import measure_of
from nanochat_host.core.wire_checkpoints import CardEntry, CoreTable
from nanochat_host.paths import Paths, RunPaths

_STAGE_ORDER = ("base", "mid", "sft", "rl")


class _Record(msgspec.Struct):
    """What is needed of run.json."""

    name: str = ""
    checkout: str = ""


class Log(NamedTuple):
    """A log to look into, and what to call it."""

    path: Path
    name: str


class LogResults:
    """Results of logs, read again only when a log has grown."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], list[CardEntry]]] = {}

    def read(self, logs: Iterable[Log]) -> list[CardEntry]:
        """Those of all logs; one that cannot be read is left out."""
        out: list[CardEntry] = []
        for log in logs:
            try:
                found = log.path.stat()
                stamp = found.st_size, found.st_mtime_ns
                if self._known.get(log.path, (None,))[0] != stamp:
                    self._known[log.path] = stamp, results_in_log(log.path, log.name)
            except OSError:
                continue
            out += self._known[log.path][1]
        return out


def logs_of(paths: Paths, checkout: str) -> list[Log]:
    """Logs of the runs of a checkout. One that is not readable is left out."""
    out: list[Log] = []
    for root in sorted(paths.runs.iterdir()) if paths.runs.is_dir() else []:
        run = RunPaths(root)
        try:
            record = msgspec.json.decode(run.run_json.read_bytes(), type=_Record)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        if record.checkout == checkout:
            out.append(Log(run.out_log, f"run {record.name or root.name}"))
    return out


def of_checkpoints(listed: Sequence[Listed]) -> list[CardEntry]:
    """What each usable checkpoint's metadata says."""
    return [
        CardEntry(
            item.info.stage, item.info.tag, item.info.step, measure, value, "checkpoint",
            item.info.id, item.info.saved_at,
        )
        for item in listed
        if item.info.state != "broken"
        for name, value in item.info.metrics.items()
        if (measure := measure_of(name))
    ]  # fmt: skip


def of_tables(base_dir: Path, tables: Sequence[CoreTable]) -> list[CardEntry]:
    """CORE of each CSV that can be of one checkpoint only: the file does not name its model."""
    out: list[CardEntry] = []
    for table in tables:
        if table.core is not None and len(table.checkpoints) == 1:
            stage, tag, step = table.checkpoints[0].split("/")
            at = (base_dir / "base_eval" / table.file).stat().st_mtime
            out.append(CardEntry(stage, tag, int(step), "CORE", table.core, "csv", table.file, at))
    return out


def placed(entries: Iterable[CardEntry], listed: Sequence[Listed]) -> list[CardEntry]:
    """Results that do not name their model's tag get it where the stage has one tag only."""
    tags: dict[str, set[str]] = {}
    for item in listed:
        tags.setdefault(item.info.stage, set()).add(item.info.tag)
    out = []
    for entry in entries:
        known = tags.get(entry.stage, set())
        if not entry.tag and len(known) == 1:
            entry = msgspec.structs.replace(entry, tag=next(iter(known)))
        out.append(entry)
    return out


def newest(entries: Iterable[CardEntry]) -> list[CardEntry]:
    """Of each model and measure the newest; of each stage and tag the highest step that has the
    measure. Ordered by tag, then along the stages."""
    best: dict[tuple[str, str, str], CardEntry] = {}
    for entry in entries:
        key = entry.stage, entry.tag, entry.measure
        held = best.get(key)
        if held is None or (entry.step, entry.at) >= (held.step, held.at):
            best[key] = entry
    return sorted(best.values(), key=lambda e: (not e.tag, e.tag, _stage(e.stage), e.measure))


def _stage(stage: str) -> tuple[int, str]:
    known = stage in _STAGE_ORDER
    return (_STAGE_ORDER.index(stage) if known else len(_STAGE_ORDER), stage)
