"""Commands of a recipe that run a module of the checkout: plain, under `uv run`, `torchrun` ..."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath

from .model import Step
from .shell import Word

Own = Collection[str]
"""First parts of module names that are the checkout's."""
NANOCHAT = ("scripts", "tasks", "dev", "nanochat")
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_TORCHRUN = re.compile(r"torch\.distributed\.(run|launch)$|\.torchrun\w*$")
"""torchrun as a module: torch's own, or one that a fork wrapped around it."""
_WRAPPERS = {"time", "nohup", "exec", "env", "command"}
_RUNNERS = {"uv", "poetry", "pdm", "pixi", "hatch", "rye"}
_RUNNER_VALUES = {"--extra", "--with", "--group", "--python", "-p", "--project", "--env-file"}


def _arguments(words: list[Word]) -> list[str] | None:
    """None if one is only known when it runs."""
    found: list[str] = []
    for word in words:
        if word.fields is None:
            return None
        found += word.fields
    return found


def _unwrapped(words: list[Word]) -> list[Word]:
    """Without `nohup`, `env A=1`, `uv run --extra gpu`; what `uv run` runs by itself is Python."""
    rest = list(words)
    while rest and (rest[0].raw in _WRAPPERS or ASSIGNMENT.match(rest[0].raw)):
        rest.pop(0)
    if len(rest) < 2 or rest[0].raw not in _RUNNERS or rest[1].raw != "run":
        return rest
    runner, rest = rest[0].raw, rest[2:]
    while rest and rest[0].raw.startswith("-") and rest[0].raw != "-m":
        takes = rest.pop(0).raw in _RUNNER_VALUES
        del rest[: 1 if takes else 0]
    if runner == "uv" and rest and (rest[0].raw == "-m" or rest[0].raw.endswith(".py")):
        return [Word("python", "python", ["python"]), *rest]
    return rest


def invocation(words: list[Word], env: dict[str, str], own: Own) -> Step | str | None:
    """`python -m M ARGS`, `torchrun OPTIONS -m M -- ARGS` or a script's path as a Step; a str, why
    it is none although it runs Python; None if it does not."""
    rest = _unwrapped(words)
    if not rest:
        return None
    program = PurePosixPath(rest[0].text or rest[0].raw.strip('"')).name
    module = rest[1].text if len(rest) > 1 else None
    if program == "torchrun":
        return _torchrun(rest[1:], env, own)
    # `$PYTHON -m M`, wherever it may have found one.
    if not _PYTHON.fullmatch(program) and (rest[0].text is not None or module != "-m"):
        return None
    rest = rest[1:]
    while rest and rest[0].raw in ("-u", "-O", "-B"):
        rest.pop(0)
    if len(rest) > 1 and rest[0].raw == "-m" and _TORCHRUN.search(rest[1].raw):
        return _torchrun(rest[2:], env, own)
    return _step(rest, 1, env, own)


def _torchrun(words: list[Word], env: dict[str, str], own: Own) -> Step | str:
    rest = list(words)
    options: dict[str, str | None] = {}
    while rest and rest[0].raw.startswith("-") and rest[0].raw != "-m":
        word = rest.pop(0)
        if word.raw == "--":
            break
        name, equals, _ = word.raw.lstrip("-").replace("-", "_").partition("=")
        value = word.text and word.text.partition("=")[2]
        if not equals and name not in ("standalone", "no_python") and rest:
            value = rest.pop(0).text
        options[name] = value
    if options.get("nnodes", "1") not in ("1", "1:1"):
        return "several machines"
    nproc = options.get("nproc_per_node", "1") or ""
    return _step(rest, max(1, int(nproc)) if nproc.isdigit() else 0, env, own)


def _step(words: list[Word], nproc: int, env: dict[str, str], own: Own) -> Step | str:
    first = words[0].text if words else None
    if first == "-m" and len(words) > 1:
        module, rest = words[1].text, words[2:]
    elif first and first.endswith(".py"):
        module = ".".join(PurePosixPath(first).with_suffix("").parts)
        rest = words[1:]
    else:
        return "not a module"
    if module is None or module.split(".")[0] not in own:
        return "not a module of the checkout"
    if rest and rest[0].raw == "--":
        rest = rest[1:]
    arguments = _arguments(rest)
    if arguments is None:
        return "a word is only known when it runs"
    return Step(module, arguments, nproc, dict(env))
