"""What is found in checkouts of others: `python -m benchmarks.forks FOLDER`.

For each checkout in the folder, or in a folder of one of those: its stages, the options read, those
missed (an `add_argument` whose flag no option knows), the training loops that can be hooked, its
pipelines, and what failed. Without a folder it reads the embedded checkout.
"""

from __future__ import annotations

import ast
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from nanochat_host.checkout.hook.transform import instrument
from nanochat_host.checkout.model import Stage
from nanochat_host.checkout.places import NotACheckoutError, stage_files
from nanochat_host.checkout.stages import read_checkout

EMBEDDED = Path(__file__).resolve().parent.parent / "tiny_nanochat"
GOAL_S = 0.5


@dataclass
class Found:
    """One checkout. seconds: to read the schema of all its stages."""

    name: str
    seconds: float = 0.0
    stages: int = 0
    options: int = 0
    missed: list[str] = field(default_factory=list)
    hooked: list[str] = field(default_factory=list)
    loopless: list[str] = field(default_factory=list)
    pipelines: int = 0
    failed: list[str] = field(default_factory=list)


def examine(root: Path) -> Found:
    """Read a checkout as the program does, and count what that left out."""
    found = Found(root.name)
    began = time.perf_counter()
    try:
        checkout = read_checkout(root)
    except NotACheckoutError as error:
        found.failed.append(str(error))
        return found
    found.seconds = time.perf_counter() - began
    found.stages, found.pipelines = len(checkout.stages), len(checkout.pipelines)
    for stage in checkout.stages:
        if stage.error:
            found.failed.append(f"{stage.name}: {stage.error}")
            continue
        found.options += len(stage.options)
        source = (root / stage.path).read_text("utf-8-sig")
        found.missed += _missed(stage, source)
        if stage.trains or any(word in stage.name for word in ("train", "sft", "_rl")):
            _hook(stage, source, found)
    return found


def _missed(stage: Stage, source: str) -> list[str]:
    """Calls of `add_argument` that name no flag or word of an option that was read."""
    if stage.dialect == "configurator":
        return []
    read = {name for option in stage.options for name in (option.flag, option.off, option.name)}
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_argument"
    ]
    return [
        f"{stage.name}:{call.lineno} {ast.unparse(call)[:60]}"
        for call in calls
        if not read & {arg.value for arg in call.args if isinstance(arg, ast.Constant)}
        and "version" not in ast.unparse(call)
    ]


def _hook(stage: Stage, source: str, found: Found) -> None:
    try:
        report = instrument(ast.parse(source))
    except Exception as error:  # whatever a fork makes us do is what this is to show
        found.failed.append(f"{stage.name}: hook: {type(error).__name__}: {error}")
        return
    if report.loop is None and stage.trains:
        found.hooked.append(f"{stage.name}[in a module it imports]")
    elif report.loop is None:
        found.loopless.append(f"{stage.name} ({report.reason})")
    else:
        found.hooked.append(f"{stage.name}[{','.join(sorted(report.actions)) or 'metrics'}]")


def checkouts(folder: Path) -> list[Path]:
    """The folder itself if it is a checkout, else those in it: repositories in which one lies
    deeper are replaced by it, and those without one stay, to be told."""
    if _holds_one(folder):
        return [folder]
    found = []
    for child in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        deeper = sorted(p for p in child.iterdir() if p.is_dir() and _holds_one(p))
        found += [child] if _holds_one(child) or not deeper else deeper
    return found


def _holds_one(folder: Path) -> bool:
    try:
        return bool(stage_files(folder))
    except NotACheckoutError:
        return False


def main(words: list[str]) -> int:
    """Print a block for each checkout. Returns 1 if anything failed or took too long."""
    folder = Path(words[0]) if words else EMBEDDED
    if words[:1] in (["-h"], ["--help"]) or not folder.is_dir():
        print(__doc__.strip())
        return 0 if words[0].startswith("-") else 2
    roots = checkouts(folder)
    if not roots:
        print(f"{folder}: no checkout there (a folder with `scripts/`)")
        return 2
    wrong = 0
    for root in roots:
        found = examine(root)
        slow = "" if found.seconds <= GOAL_S else f"  (goal {GOAL_S} s)"
        print(f"{found.name}: {found.seconds:.2f} s{slow}")
        print(f"  {found.stages} stages, {found.options} options, {found.pipelines} pipelines")
        for title, items in (
            ("hooked", found.hooked), ("no loop", found.loopless),
            ("missed", found.missed), ("failed", found.failed),
        ):  # fmt: skip
            for item in items:
                print(f"  {title}: {item}")
        wrong += bool(found.missed or found.failed or slow)
    print(f"{len(roots) - wrong} of {len(roots)} checkouts read in full, in time")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
