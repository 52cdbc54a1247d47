"""What verbs share: their parser's shape, the core, and how a run is named."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanochat_host.errors import NotFoundError, UsageError
from nanochat_host.paths import Paths

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.wire import RunDetail, RunSummary

Handler = Callable[[argparse.Namespace, Paths], int | None]
READ_S = 5.0
Verbs = Any  # argparse keeps the type of its subparsers action private


def add_verb(
    verbs: Verbs, name: str, summary: str, example: str, handler: Handler | None = None
) -> argparse.ArgumentParser:
    """A verb with `--json`, a one-line summary and an example in its help."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if handler is None:
        parser.set_defaults(handler=lambda args, paths: _needs_subverb(parser))
    else:
        parser.add_argument("--json", action="store_true", help="answer as JSON")
        parser.set_defaults(handler=handler)
    return parser


def _needs_subverb(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def connect(paths: Paths) -> CoreClient:
    """A client of the core, which is started if it is not up."""
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.start import ensure_core

    ensure_core(paths)
    return CoreClient(paths)


def find_run(client: CoreClient, word: str) -> RunSummary:
    """The run a person means: `last`, an id, a part of an id that fits one run only, or a name
    (the newest run of that name). Raises NotFoundError or UsageError."""
    runs = sorted(client.runs(), key=lambda r: r.facts.created_at, reverse=True)
    if not runs:
        raise NotFoundError("there are no runs yet", "start one: `nanochat-cli demo`")
    if word == "last":
        return runs[0]
    exact = [r for r in runs if r.facts.id == word] or [r for r in runs if r.facts.name == word]
    if exact:
        return exact[0]
    partial = [r for r in runs if word in r.facts.id]
    if len(partial) == 1:
        return partial[0]
    if partial:
        names = ", ".join(r.facts.id for r in partial[:4])
        raise UsageError(f"`{word}` fits {len(partial)} runs: {names}", "type more of the id")
    raise NotFoundError(
        f"there is no run `{word}`", "`nanochat-cli run list` shows them; `last` is the newest"
    )


def read_run(client: CoreClient, word: str) -> RunDetail:
    """`find_run` for what prints numbers: they are to be whole also when the run has just ended, or
    the core has just come. Of a run whose reading takes longer than `READ_S`, what is known."""
    run_id = find_run(client, word).facts.id
    deadline = time.monotonic() + READ_S
    while not (detail := client.run(run_id)).read and time.monotonic() < deadline:
        time.sleep(0.02)
    return detail


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """`--set key=value` pairs. Values stay text: the core types them by the checkout's options."""
    out: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"`--set {pair}` is not key=value", "for example `--set depth=4`")
        out[key.strip().lstrip("-").replace("-", "_")] = value
    return out


def prefab_name(text: str) -> str:
    """Of `--prefab`. Raises UsageError for what is a file."""
    if "/" in text or text.endswith((".yaml", ".yml")):
        raise UsageError(
            f"a prefab is named, and `{text}` is a file",
            "put the file into `prefabs` of nanochat-cli's home; `prefab list` shows the names",
        )
    return text


def parse_value(text: str) -> int | float | bool | str:
    """A typed value as a person writes it: 5, 0.5, true, adam."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
