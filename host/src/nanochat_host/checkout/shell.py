"""Just enough of a shell to read a recipe: words, quotes, variables with defaults.

Nothing is run. What depends on the machine (`$(date)`, `$HOME`, a positional parameter) is unknown,
and so is every word that contains it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from .literals import NotLiteralError, evaluate

Variables = dict[str, "str | None"]
"""Assigned in the recipe; None is assigned to something unknown."""

_OPERATORS = ("&&", "||", ";;", ">>", "<<", ">&", "&>", ";", "|", "&", ">", "<", "(", ")")
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class ShellError(ValueError):
    """The text is not understood, for example a quote that is never closed."""


@dataclass
class Word:
    """text: None when unknown. raw: as written. quoted: some of it was in quotes."""

    raw: str
    text: str | None
    quoted: bool = False


@dataclass
class SimpleCommand:
    """after: the operator before it ("" for the first of a line). raw: for people."""

    words: list[Word] = field(default_factory=list)
    after: str = ""

    @property
    def raw(self) -> str:
        return " ".join(word.raw for word in self.words)


def logical_lines(text: str) -> list[str]:
    """Lines with continuations joined."""
    return text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines()


def split_commands(line: str, variables: Variables) -> list[SimpleCommand]:
    """Commands of a line, with `variables` as they are now. Raises ShellError."""
    return _Reader(line, variables).commands()


class _Reader:
    def __init__(self, text: str, variables: Variables) -> None:
        self._text = text
        self._variables = variables
        self._at = 0

    def commands(self) -> list[SimpleCommand]:
        commands = [SimpleCommand()]
        while self._at < len(self._text):
            if self._text[self._at].isspace():
                self._at += 1
            elif self._text[self._at] == "#":
                break
            elif operator := self._operator():
                self._at += len(operator)
                if operator in (">", ">>", "<", ">&", "&>", "<<"):
                    self._drop_redirection(commands[-1])
                else:
                    commands.append(SimpleCommand(after=operator))
            else:
                commands[-1].words.append(self._word())
        return [command for command in commands if command.words]

    def _operator(self) -> str:
        return next((o for o in _OPERATORS if self._text.startswith(o, self._at)), "")

    def _drop_redirection(self, command: SimpleCommand) -> None:
        if command.words and command.words[-1].raw in ("1", "2"):
            command.words.pop()
        while self._at < len(self._text) and self._text[self._at] in " &":
            self._at += 1
        if self._at < len(self._text) and not self._operator():
            self._word()

    def _word(self) -> Word:
        start, quoted = self._at, False
        parts: list[str | None] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char.isspace() or (self._operator() and not self._array(parts)):
                break
            if char in "'\"":
                quoted = True
                parts.append(self._quoted(char))
            elif char == "$":
                parts.append(self._dollar())
            elif char == "`":
                self._skip_until("`")
                parts.append(None)
            elif char == "(":
                self._skip_balanced("(", ")")
                parts.append(None)
            else:
                self._at += 2 if char == "\\" else 1
                parts.append(self._text[self._at - 1 : self._at])
        text = None if None in parts else "".join(p for p in parts if p is not None)
        return Word(self._text[start : self._at], text, quoted)

    def _array(self, parts: list[str | None]) -> bool:
        """`NAME=(...)`: the parenthesis belongs to the word."""
        return self._text[self._at] == "(" and bool(parts) and parts[-1] == "="

    def _quoted(self, quote: str) -> str | None:
        self._at += 1
        if quote == "'":
            end = self._text.find("'", self._at)
            if end < 0:
                raise ShellError("a quote is not closed")
            text = self._text[self._at : end]
            self._at = end + 1
            return text
        parts: list[str | None] = []
        while self._at < len(self._text) and self._text[self._at] != '"':
            char = self._text[self._at]
            if char == "$":
                parts.append(self._dollar())
            elif char == "`":
                self._skip_until("`")
                parts.append(None)
            else:
                self._at += 2 if char == "\\" else 1
                parts.append(self._text[self._at - 1 : self._at])
        if self._at >= len(self._text):
            raise ShellError("a quote is not closed")
        self._at += 1
        return None if None in parts else "".join(p for p in parts if p is not None)

    def _dollar(self) -> str | None:
        text, at = self._text, self._at
        if text.startswith("$((", at):
            return self._arithmetic()
        if text.startswith("$(", at):
            self._at += 1
            self._skip_balanced("(", ")")
            return None
        if text.startswith("${", at):
            self._at += 1
            start = self._at + 1
            self._skip_balanced("{", "}")
            return self._braced(text[start : self._at - 1])
        end = at + 1
        while end < len(text) and text[end] in _NAME_CHARS:
            end += 1
        self._at = max(end, at + 1)
        name = text[at + 1 : end]
        if not name:
            self._at += at + 1 < len(text) and text[at + 1] in "#@*?$!"
            return None
        return self._variables.get(name)

    def _braced(self, inside: str) -> str | None:
        """`${NAME}` and `${NAME:-default}`."""
        name, separator, default = inside.partition(":-")
        if not separator or self._variables.get(name):
            return self._variables.get(name)
        return _Reader(f'"{default}"', self._variables)._quoted('"')

    def _arithmetic(self) -> str | None:
        start = self._at + 3
        self._at += 1
        self._skip_balanced("(", ")")
        expression = self._text[start : self._at - 2].replace("$", "").strip()
        numbers = {k: int(v) for k, v in self._variables.items() if v and v.isdigit()}
        try:
            value = evaluate(ast.parse(expression, mode="eval").body, numbers)
        except (NotLiteralError, SyntaxError):
            return None
        return str(int(value)) if isinstance(value, (int, float)) else None

    def _skip_balanced(self, opening: str, closing: str) -> None:
        depth = 0
        while self._at < len(self._text):
            depth += (self._text[self._at] == opening) - (self._text[self._at] == closing)
            self._at += 1
            if depth == 0:
                return
        raise ShellError(f"a {opening} is not closed")

    def _skip_until(self, char: str) -> None:
        end = self._text.find(char, self._at + 1)
        if end < 0:
            raise ShellError(f"a {char} is not closed")
        self._at = end + 1
