"""`nanochat-cli run compare`: several runs side by side."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import msgspec
from nanochat_sdk import format as fmt

from nanochat_host.core.calls_compare import compare
from nanochat_host.core.wire_compare import (
    CompareAxis,
    ComparedRun,
    CompareRuns,
    Comparison,
    place,
)
from nanochat_host.errors import NotFoundError, UsageError
from nanochat_host.paths import Paths, atomic_write, expand
from nanochat_host.verbs.common import Verbs, add_verb, connect, read_run
from nanochat_host.verbs.output import emit, table

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient

AXES = ("step", "tokens", "flops", "time")
READ_S = 20.0
LOOK_S = 0.05
SVG_COLUMNS = 720


def register(subs: Verbs) -> None:
    """Add `run compare` to the parser."""
    parser = add_verb(
        subs,
        "compare",
        "compare runs: last and best value of a metric, and how their options differ",
        "nanochat-cli run compare last d4\n"
        "nanochat-cli run compare d4 d6 --metric val/bpb --x flops --svg d4-d6.svg",
        print_comparison,
    )
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--metric", default="", help="default: the loss they share")
    parser.add_argument("--x", choices=AXES, default="step", help="what to compare along")
    parser.add_argument("--svg", default="", metavar="FILE", help="draw the curves into this file")


def print_comparison(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    ids = list(dict.fromkeys(read_run(client, word).summary.facts.id for word in args.runs))
    found = ask(client, CompareRuns(ids, args.metric, args.x, SVG_COLUMNS))
    if not any(run.points for run in found.runs):
        raise nothing_to_compare(found, args.metric)
    lines = _lines(found, args.x)
    if args.svg:
        from nanochat_host.report.picture import comparison_svg

        file = expand(args.svg).absolute()
        if not any(run.series for run in found.runs):
            raise UsageError(found.runs[0].note, f"another axis: --x {AXES[0]}")
        try:
            atomic_write(file, comparison_svg(found, args.x))
        except OSError as error:
            raise UsageError(f"{file}: {error.strerror}", "give a file in a folder") from None
        lines.append(f"drawn into {file}")
    emit(args, _plain(found, args.x), lines)
    return 0


def ask(client: CoreClient, wish: CompareRuns) -> Comparison:
    """The core's answer, once what ended runs left behind was read."""
    deadline = time.monotonic() + READ_S
    while True:
        found = client.ask(compare(wish))
        unread = any(run.live and run.facts.ended_at for run in found.runs)
        if not unread or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_S)


def nothing_to_compare(found: Comparison, metric: str) -> NotFoundError:
    """Why there is no value, with the metrics there are."""
    names = [shared.name for shared in found.metrics]
    if not metric or not names:
        return NotFoundError("these runs have recorded nothing yet")
    shown = ", ".join(names[:8]) + (" …" if names[8:] else "")
    return NotFoundError(f"none of these runs records `{metric}`", f"there are: {shown}")


def _lines(found: Comparison, x: CompareAxis) -> list[str]:
    rows = [
        [name, run.facts.state, *_figures(run, x), run.note]
        for name, run in zip(found.labels(), found.runs, strict=True)
    ]
    unit = f", {found.unit}" if found.unit else ""
    head = ["RUN", "STATE", "POINTS", "LAST", "BEST", f"AT {x.upper()}", ""]
    lines = [f"{found.metric}{unit}", *table(head, rows)]
    if found.differs:
        labels = [fmt.cut(label, 24) for label in found.labels()]
        values = [[d.key, *(fmt.cut(v or "-", 40) for v in d.values)] for d in found.differs]
        lines += ["", *table(["DIFFERS", *labels], values)]
    return lines


def _figures(run: ComparedRun, x: CompareAxis) -> list[str]:
    last = f"{run.last[1]:.6g}" if run.last else "not finite" if run.points else "-"
    best = (f"{run.best[1]:.6g}", place(run.best[0], x)) if run.best else ("-", "-")
    return [f"{run.points:,}", last, *best]


def _plain(found: Comparison, x: str) -> dict[str, object]:
    """The answer as JSON: curves as lists of [x, mean]."""
    out: dict[str, object] = msgspec.to_builtins(found)
    out["x"] = x
    out["runs"] = [
        {
            "id": run.facts.id, "name": run.facts.name, "state": run.facts.state,
            "points": run.points, "last": run.last, "best": run.best, "note": run.note,
            "curve": _curve(run),
        }
        for run in found.runs
    ]  # fmt: skip
    del out["stamp"]
    return out


def _curve(run: ComparedRun) -> list[list[float]]:
    """JSON has no NaN: a bucket without a finite value is left out."""
    if run.series is None:
        return []
    rows = zip(run.series.xs(), run.series.means(), strict=True)
    return [[x, y] for x, y in rows if y == y]
