"""Just enough of a shell to read a recipe: words, quotes, arrays, variables with defaults.

Nothing is run. What depends on the machine (`$(date)`, a positional parameter) is unknown, and so
is every word that contains it; only the home folder is known, as the recipe's reader runs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .literals import NotLiteralError, evaluate
from .parsing import parse_expression

Value = str | list[str] | None
Variables = dict[str, Value]
"""Assigned in the recipe; a list is an array, None is assigned to something unknown."""

_OPERATORS = ("&&", "||", ";;", ">>", "<<", ">&", "&>", ";", "|", "&", ">", "<", "(", ")")
_OPERATOR_STARTS = frozenset("&|;<>()")
_PLAIN = re.compile(r"[^\s'\"$`(\\&|;<>)]+")
_BLANK = re.compile(r"(?:\s+|#[^\n]*)+")
_QUOTED = re.compile(r"[^\"$`\\]+")
_HOME = re.compile(r"(|[A-Za-z_]\w*=)~(?=/|$)")
"""Where a tilde is the home folder: at the start of a word, or of what is assigned."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_BRACED = re.compile(r"([A-Za-z_]\w*|\d+)(?:\[([^\]]*)\])?(:?[-=+?])?(.*)", re.DOTALL)


class ShellError(ValueError):
    """The text is not understood, for example a quote that is never closed."""


@dataclass
class Word:
    """text: None when unknown. raw: as written. fields: the arguments it becomes, None when
    unknown: without quotes a variable may be none or several. items: of an array it assigns."""

    raw: str
    text: str | None
    fields: list[str] | None
    items: list[str] | None = None


@dataclass
class SimpleCommand:
    """after: the operator before it ("" for the first of a line). words: none at the end of a line,
    after what ends a pattern or a branch of a `case`. raw: for people."""

    words: list[Word] = field(default_factory=list)
    after: str = ""

    @property
    def raw(self) -> str:
        return " ".join(word.raw for word in self.words)


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
        while self._skip_blank():
            if operator := self._operator():
                self._at += len(operator)
                if operator in (">", ">>", "<", ">&", "&>", "<<"):
                    self._drop_redirection(commands[-1])
                else:
                    commands.append(SimpleCommand(after=operator))
            else:
                commands[-1].words.append(self._word())
        return [each for each in commands if each.words or each.after in (")", ";;")]

    def words(self) -> list[Word]:
        """Of an array: words and comments, no operators."""
        found = []
        while self._skip_blank():
            if self._operator():
                raise ShellError("an array holds words")
            found.append(self._word())
        return found

    def _skip_blank(self) -> bool:
        """Over blanks and comments; False at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at < len(self._text)

    def _operator(self) -> str:
        if self._text[self._at] not in _OPERATOR_STARTS:
            return ""
        return next(o for o in _OPERATORS if self._text.startswith(o, self._at))

    def _drop_redirection(self, command: SimpleCommand) -> None:
        if command.words and command.words[-1].raw in ("1", "2"):
            command.words.pop()
        while self._at < len(self._text) and self._text[self._at] in " &":
            self._at += 1
        if self._at < len(self._text) and not self._operator():
            self._word()

    def _word(self) -> Word:
        start, quoted, expanded = self._at, False, False
        parts: list[Value] = []
        items: list[str] | None = None
        while self._at < len(self._text):
            char = self._text[self._at]
            if plain := _PLAIN.match(self._text, self._at):
                rest = plain.group()
                if self._at == start and (tilde := _HOME.match(rest)):
                    parts += [tilde[1], _first(self._variables.get("HOME"))]
                    rest = rest[tilde.end() :]
                self._at = plain.end()
                parts.append(rest)
            elif char == "(" and parts and str(parts[-1]).endswith("="):
                items = self._array()
                parts.append(None)
            elif char.isspace() or char in _OPERATOR_STARTS:
                break
            elif char in "'\"":
                quoted = True
                parts.append(self._quoted(char))
            elif char == "$":
                expanded = True
                parts.append(self._dollar())
            elif char == "`":
                self._skip_until("`")
                parts.append(None)
            else:
                self._at += 2
                parts.append(self._text[self._at - 1 : self._at])
        raw = self._text[start : self._at]
        if len(parts) == 1 and isinstance(parts[0], list):
            return Word(raw, " ".join(parts[0]), parts[0])
        text = _joined(parts)
        if text is None:
            return Word(raw, None, None, items)
        return Word(raw, text, text.split() if expanded and not quoted else [text])

    def _array(self) -> list[str] | None:
        start = self._at + 1
        self._skip_balanced("(", ")")
        items: list[str] = []
        for word in _Reader(self._text[start : self._at - 1], self._variables).words():
            if word.fields is None:
                return None
            items += word.fields
        return items

    def _quoted(self, quote: str) -> Value:
        self._at += 1
        if quote == "'":
            end = self._text.find("'", self._at)
            if end < 0:
                raise ShellError("a quote is not closed")
            text = self._text[self._at : end]
            self._at = end + 1
            return text
        parts: list[Value] = []
        while self._at < len(self._text) and self._text[self._at] != '"':
            char = self._text[self._at]
            if plain := _QUOTED.match(self._text, self._at):
                self._at = plain.end()
                parts.append(plain.group())
            elif char == "$":
                parts.append(self._dollar())
            elif char == "`":
                self._skip_until("`")
                parts.append(None)
            else:
                self._at += 2
                parts.append(self._text[self._at - 1 : self._at])
        if self._at >= len(self._text):
            raise ShellError("a quote is not closed")
        self._at += 1
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _dollar(self) -> Value:
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
        name = _NAME.match(text, at + 1)
        if name is None:
            self._at += 1 + (at + 1 < len(text) and text[at + 1] in "#@*?$!0123456789")
            return None
        self._at = name.end()
        return _first(self._variables.get(name.group()))

    def _braced(self, inside: str) -> Value:
        """`${NAME}`, an array or one of its items, and `${NAME:-default}` with its relatives."""
        match = _BRACED.fullmatch(inside)
        if match is None or (match[3] is None and match[4]):
            return None
        name, index, operator, other = match.groups()
        value = self._variables.get(name)
        if index is not None:
            if operator or not isinstance(value, list):
                return None
            if index in ("@", "*"):
                return value
            return value[int(index)] if index.isdigit() and int(index) < len(value) else None
        value = _first(value)
        if operator is None or (value is None and name in self._variables):
            return value
        given = value is not None and (value != "" or ":" not in operator)
        if operator[-1] == "+":
            return self._inner(other) if given else ""
        if not given and operator[-1] in "-=":
            value = self._inner(other)
            if operator[-1] == "=":
                self._variables[name] = value
        return value

    def _inner(self, text: str) -> str | None:
        bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
        return _first(_Reader(f'"{bare}"', self._variables)._quoted('"'))

    def _arithmetic(self) -> str | None:
        start = self._at + 3
        self._at += 1
        self._skip_balanced("(", ")")
        expression = re.sub(r"\$\{?(\w+)\}?", r"\1", self._text[start : self._at - 2]).strip()
        known = self._variables.items()
        numbers = {k: int(v) for k, v in known if isinstance(v, str) and v.isdigit()}
        try:
            value = evaluate(parse_expression(expression), numbers)
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


def _joined(parts: list[Value]) -> str | None:
    """None if a part is unknown, or an array beside other text."""
    return None if not all(isinstance(p, str) for p in parts) else "".join(map(str, parts))


def _first(value: Value) -> str | None:
    """An array without an index is its first item."""
    return (value[0] if value else "") if isinstance(value, list) else value
