"""Recipes of a checkout: which of its modules a shell script runs, in order, with what.

Straight-line commands are taken over, and the branches of an `if` whose test is known. What runs in
a loop, or with words that are only known on the machine, is listed as unread.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from .hook.package import SOURCE, import_folders
from .invocations import ASSIGNMENT, NANOCHAT, Own, invocation
from .model import Pipeline, Step
from .shell import ShellError, SimpleCommand, Value, Variables, Word, split_commands
from .shell_blocks import Block, Case, case, combined, loop
from .shell_lines import logical_lines
from .shell_tests import test

__all__ = ["Pipeline", "Step", "read_pipelines"]

FIRST = ("runs", ".", "dev")
"""Where nanochat has its recipes; a fork's further folders follow by name."""
MAX_BYTES = 256 * 1024
MAX_SHOWN = 200
_FUNCTION = re.compile(r"\s*(?:function\s+[\w-]+\s*(?:\(\s*\))?|[\w-]+\s*\(\s*\))\s*(\{)?")
_RUNS = re.compile(r"python|torchrun|\srun\s", re.IGNORECASE)
"""What every recipe holds: most other scripts do not."""
_DECLARES = ("export", "local", "readonly", "declare", "typeset")
_LEFT_OUT_ENV = {"NANOCHAT_BASE_DIR"}
"""Where a checkout's artifacts lie is said once, when it is registered."""


def read_pipelines(path: Path) -> list[Pipeline]:
    """Every `*.sh` in the folder itself and in those below it that runs a module of it."""
    pipelines = []
    below = sorted(p for p in path.iterdir() if not p.name.startswith(".") and p.is_dir())
    own = {*NANOCHAT, *(p.stem for p in path.glob("*.py")), *(p.name for p in below)}
    sources = import_folders(path)[1:]
    own |= {p.stem for source in sources for p in source.iterdir() if p.name[0] not in "._"}
    folders = [path / name for name in FIRST]
    for folder in [*folders, *(p for p in below if p.name not in FIRST)]:
        for file in sorted(folder.glob("*.sh")):
            try:
                if file.stat().st_size > MAX_BYTES:
                    continue
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if not _RUNS.search(text):
                continue
            pipeline = read_pipeline(text, file.stem, str(file.relative_to(path)), own)
            if sources:
                steps = [_from_source(step) for step in pipeline.steps]
                pipeline = replace(pipeline, steps=steps)
            if pipeline.steps or any(_names(line, own) for line in pipeline.unread):
                pipelines.append(pipeline)
    return pipelines


def _from_source(step: Step) -> Step:
    return replace(step, module=step.module.removeprefix(f"{SOURCE}."))


def _names(line: str, own: Own) -> bool:
    return any(name in own for name in re.findall(r"([\w-]+)(?:\.py\b|[./]\w)", line))


def read_pipeline(text: str, name: str, path: str, own: Own = NANOCHAT) -> Pipeline:
    """One recipe."""
    recipe = _Recipe(own)
    for line in logical_lines(text):
        recipe.read(line)
    return Pipeline(name, path, recipe.steps, _first_comment(text), recipe.unread)


def _first_comment(text: str) -> str:
    for line in text.splitlines():
        if line.startswith("#") and not line.startswith("#!") and line.strip("# "):
            return line.strip("# ")
    return ""


def _of_the_reader() -> Variables:
    home = os.environ.get("HOME")
    return {"HOME": home} if home else {}


@dataclass
class _Recipe:
    """testing: the words of an `if` are read, up to its `then`. succeeded: how the last command of
    a line of `&&` and `||` went. braced: the body of a function is still to be opened."""

    own: Own
    steps: list[Step] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=_of_the_reader)
    exported: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    testing: bool = False
    succeeded: bool | None = True
    braced: bool = False

    def read(self, line: str) -> None:
        if match := _FUNCTION.match(line):
            self.blocks.append(Block(None))
            self.braced = match[1] is None
            line = line[match.end() :]
        try:
            commands = split_commands(line, self.variables)
        except ShellError:
            if re.search(r"\b(python\d?|torchrun)\b", line):
                self._leave_out(line)
            return
        for command in commands:
            self._run(command)

    def _run(self, command: SimpleCommand) -> None:
        words, after = command.words, command.after
        block = self.blocks[-1] if self.blocks else None
        if isinstance(block, Case) and not (words and words[0].raw == "esac"):
            words = block.command(words, after)
        after = "" if after in (")", ";;") else after
        if not words:
            return
        first = words[0].raw
        if first in ("then", "do"):
            self.testing, words, after = False, words[1:], ""
        elif first == "else":
            self._else()
            words, after = words[1:], ""
        elif first == "{":
            if not self.braced:
                self.blocks.append(Block(self._runs(after)))
            self.braced, words, after = False, words[1:], ""
        elif first == "if":
            self.testing = True
            asked = words[2:] if len(words) > 1 and words[1].raw == "!" else words[1:]
            if asked:  # a command that is asked how it went has run
                self._simple(asked, command.raw, self._runs(after))
            truth = test(words[1:], self.variables)
            self.blocks.append(Block(truth, truth))
            return
        elif first == "elif":
            self._elif(words[1:])
            return
        elif first == "case":
            self.blocks.append(case(words, self.variables))
            return
        elif first in ("for", "while", "until", "select"):
            self.blocks.append(loop(words, self.variables))
            return
        elif first in ("fi", "done", "esac", "}"):
            del self.blocks[-1:]
            return
        elif self.testing:
            block = self.blocks[-1]
            also = test(words, self.variables) if after in ("&&", "||") else None
            block.active = block.taken = combined(block.active, after, also)
            return
        if words and after != "|":
            self._simple(words, command.raw, self._runs(after))

    def _else(self) -> None:
        if self.blocks:
            taken = self.blocks[-1].taken
            self.blocks[-1].active = None if taken is None else not taken

    def _elif(self, words: list[Word]) -> None:
        if not self.blocks:
            return
        block, truth = self.blocks[-1], test(words, self.variables)
        self.testing = block.taken is False
        block.active = {True: False, None: None, False: truth}[block.taken]
        if block.taken is False:
            block.taken = truth

    def _runs(self, after: str) -> bool | None:
        """Whether what follows that operator runs; None if that cannot be told."""
        if after == "&&":
            return self.succeeded
        return (None if self.succeeded is None else not self.succeeded) if after == "||" else True

    def _simple(self, words: list[Word], raw: str, runs: bool | None) -> None:
        active = [runs, *(block.active for block in self.blocks)]
        if False in active:
            return
        if words[0].raw in ("[", "[[", "test"):
            self.succeeded = test(words, self.variables)
            return
        self.succeeded, known = True, None not in active
        if words[0].raw in _DECLARES:
            named = [word for word in words[1:] if not word.raw.startswith("-")]
            self._assign(named, known, export=words[0].raw == "export")
            return
        words, own = list(words), []
        while words and ASSIGNMENT.match(words[0].raw):
            own.append(words.pop(0))
        if not words:
            self._assign(own, known, export=False)
            return
        step = invocation(words, self.exported | _environment(own), self.own)
        if step is None:
            return
        if known and isinstance(step, Step):
            self.steps.append(step)
        else:
            self._leave_out(raw)

    def _assign(self, words: list[Word], known: bool, export: bool) -> None:
        for word in words:
            if match := ASSIGNMENT.match(word.raw):
                self.variables[match[1]] = self._assigned(word, match) if known else None
            name = match[1] if match else word.raw
            text = self.variables.get(name)
            if export and isinstance(text, str) and name not in _LEFT_OUT_ENV:
                self.exported[name] = text

    def _assigned(self, word: Word, match: re.Match[str]) -> Value:
        value: Value = word.items
        if value is None and word.text is not None:
            value = word.text[match.end() :]
        if not match[2] or value is None:
            return value
        before = self.variables.get(match[1], [] if isinstance(value, list) else "")
        if isinstance(before, list) and isinstance(value, list):
            return before + value
        return before + value if isinstance(before, str) and isinstance(value, str) else None

    def _leave_out(self, raw: str) -> None:
        text = " ".join(raw.split())
        self.unread.append(text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…")


def _environment(assignments: list[Word]) -> dict[str, str]:
    pairs = (word.text.split("=", 1) for word in assignments if word.text is not None)
    return {name: value for name, value in pairs if name not in _LEFT_OUT_ENV}
