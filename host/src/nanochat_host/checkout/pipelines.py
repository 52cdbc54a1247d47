"""Recipes of a checkout: which of its modules a shell script runs, in order, with what.

Straight-line commands are taken over, and the branches of an `if` whose test is known. What runs in
a loop, or with words that are only known on the machine, is listed as unread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .model import Pipeline, Step
from .shell import ShellError, SimpleCommand, Variables, Word, logical_lines, split_commands

__all__ = ["Pipeline", "Step", "read_pipelines"]

FOLDERS = ("runs", ".", "dev")
MAX_BYTES = 256 * 1024
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_WRAPPERS = {"time", "nohup", "exec", "env", "command"}
_LEFT_OUT_ENV = {"NANOCHAT_BASE_DIR"}
"""Where a checkout's artifacts lie is said once, when it is registered."""


def read_pipelines(path: Path) -> list[Pipeline]:
    """Every `*.sh` in `runs/`, the folder itself and `dev/` that runs at least one module of it."""
    pipelines = []
    for folder in FOLDERS:
        for file in sorted((path / folder).glob("*.sh")):
            try:
                if file.stat().st_size > MAX_BYTES:
                    continue
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            pipeline = read_pipeline(text, file.stem, str(file.relative_to(path)))
            if pipeline.steps or pipeline.unread:
                pipelines.append(pipeline)
    return pipelines


def read_pipeline(text: str, name: str, path: str) -> Pipeline:
    """One recipe."""
    recipe = _Recipe()
    for line in logical_lines(text):
        recipe.read(line)
    return Pipeline(name, path, recipe.steps, _first_comment(text), recipe.unread)


def _first_comment(text: str) -> str:
    for line in text.splitlines():
        if line.startswith("#") and not line.startswith("#!") and line.strip("# "):
            return line.strip("# ")
    return ""


@dataclass
class _Recipe:
    """active: one entry per open block: True runs, False does not, None cannot be told."""

    steps: list[Step] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)
    active: list[bool | None] = field(default_factory=list)
    heredoc: str = ""

    def read(self, line: str) -> None:
        if self.heredoc:
            if line.strip() == self.heredoc:
                self.heredoc = ""
            return
        if match := re.search(r"<<-?\s*['\"]?(\w+)['\"]?", line):
            self.heredoc = match.group(1)
        if re.match(r"\s*(function\s+)?\w+\s*\(\)\s*\{?", line):
            self.active.append(False)
            return
        try:
            commands = split_commands(line, self.variables)
        except ShellError:
            if re.search(r"\b(python\d?|torchrun)\b", line):
                self._leave_out(line)
            return
        for command in commands:
            self._run(command)

    def _run(self, command: SimpleCommand) -> None:
        words = command.words
        first = words[0].raw
        if first in ("then", "do", "{"):
            words = words[1:]
        elif first == "else":
            self._invert()
            words = words[1:]
        elif first == "if":
            self.active.append(self._test(words[1:]))
            return
        elif first == "elif":
            self.active[-1:] = [False if self.active[-1:] == [True] else None]
            return
        elif first in ("for", "while", "until", "select", "case"):
            self.active.append(None)
            return
        elif first in ("fi", "done", "esac", "}"):
            del self.active[-1:]
            return
        if words and command.after not in ("|", "||"):
            self._simple(SimpleCommand(words, command.after))

    def _invert(self) -> None:
        if self.active and self.active[-1] is not None:
            self.active[-1] = not self.active[-1]

    def _test(self, words: list[Word]) -> bool | None:
        """`[ -z "$X" ]` and `[ -n "$X" ]`; a variable the recipe has not set is empty."""
        inner = [w for w in words if w.raw not in ("[", "[[", "]", "]]")]
        if len(inner) != 2 or inner[0].raw not in ("-z", "-n"):
            return None
        name = inner[1].raw.strip('"${}').partition(":-")[0]
        text = inner[1].text
        if text is None and name.isidentifier() and name not in self.variables:
            text = ""
        if text is None:
            return None
        return (text == "") == (inner[0].raw == "-z")

    def _simple(self, command: SimpleCommand) -> None:
        if False in self.active:
            return
        known = None not in self.active
        words = list(command.words)
        if words and words[0].raw == "export":
            self._assign(words[1:], known, export=True)
            return
        own: list[Word] = []
        while words and _ASSIGNMENT.match(words[0].raw):
            own.append(words.pop(0))
        if not words:
            self._assign(own, known, export=False)
            return
        step = _invocation(words, self.exported | _environment(own))
        if step is None:
            return
        if known and isinstance(step, Step):
            self.steps.append(step)
        else:
            self._leave_out(command.raw)

    def _assign(self, words: list[Word], known: bool, export: bool) -> None:
        for word in words:
            name, _, _ = word.raw.partition("=")
            if "=" in word.raw:
                value = word.text.partition("=")[2] if known and word.text is not None else None
                self.variables[name] = value
            text = self.variables.get(name)
            if export and text is not None and name not in _LEFT_OUT_ENV:
                self.exported[name] = text

    def _leave_out(self, raw: str) -> None:
        self.unread.append(" ".join(raw.split()))


def _environment(assignments: list[Word]) -> dict[str, str]:
    pairs = (word.text.split("=", 1) for word in assignments if word.text is not None)
    return {name: value for name, value in pairs if name not in _LEFT_OUT_ENV}


def _invocation(words: list[Word], env: dict[str, str]) -> Step | str | None:
    """`python -m M ARGS`, `torchrun OPTIONS -m M -- ARGS` or a script's path as a Step; a str, why
    it is none although it runs Python; None if it does not."""
    rest = list(words)
    while rest and rest[0].raw in _WRAPPERS:
        rest.pop(0)
    if [w.raw for w in rest[:2]] == ["uv", "run"]:
        rest = rest[2:]
    if not rest:
        return None
    program = PurePosixPath(rest[0].raw.strip('"')).name
    if not _PYTHON.fullmatch(program) and program != "torchrun":
        return None
    arguments = [word.text for word in rest[1:] if word.text is not None]
    if len(arguments) < len(rest) - 1:
        return "a word is only known when it runs"
    if program == "torchrun":
        return _torchrun(arguments, env)
    while arguments and arguments[0] in ("-u", "-O", "-B"):
        arguments.pop(0)
    if arguments[:2] == ["-m", "torch.distributed.run"]:
        return _torchrun(arguments[2:], env)
    return _step(arguments, 1, env)


def _torchrun(arguments: list[str], env: dict[str, str]) -> Step | str:
    options: dict[str, str] = {}
    while arguments and arguments[0] != "-m" and arguments[0].startswith("-"):
        name, equals, value = arguments.pop(0).lstrip("-").replace("-", "_").partition("=")
        if not equals and name not in ("standalone", "no_python") and arguments:
            value = arguments.pop(0)
        options[name] = value
    nproc = options.get("nproc_per_node", "1")
    if options.get("nnodes", "1") != "1" or not nproc.isdigit():
        return "processes that cannot be counted"
    return _step(arguments, max(1, int(nproc)), env)


def _step(arguments: list[str], nproc: int, env: dict[str, str]) -> Step | str:
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        module, rest = arguments[1], arguments[2:]
    elif arguments and arguments[0].endswith(".py"):
        module = ".".join(PurePosixPath(arguments[0]).with_suffix("").parts)
        rest = arguments[1:]
    else:
        return "not a module"
    first = module.split(".")[0]
    if first not in ("scripts", "tasks", "dev") and "nanochat" not in first:
        return "not a module of the checkout"
    if rest[:1] == ["--"]:
        rest = rest[1:]
    return Step(module, rest, nproc, dict(env))
