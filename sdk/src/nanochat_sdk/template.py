"""Templates of log lines: literal text with fields in it, matched in one pass from left to right.

Not regular expressions: a pack's template runs in the core, and no template may cost more than a
look at each character of the line. A field ends where the literal after it first occurs, for good;
nothing is ever tried again.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from nanochat_sdk.errors import ManifestError

MAX_TEMPLATE = 400
MAX_LINE = 65_536
"""Characters; a longer line matches no template."""
MAX_FIELDS = 32
MAX_NUMBER = 40
_NUMBER = re.compile(r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?(?:[eE][-+]?\d+)?|nan|inf)")
_WHOLE = re.compile(r"[-+]?\d+(?:,\d{3})*")
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_./-]{0,119}):(\w+)")
_KINDS = ("float", "int", "word", "text")
_SPACE = re.compile(r"\s")
SKIP = "*"


class Field(msgspec.Struct, frozen=True):
    """name "" skips. kind: "float", "int", "word" (no space in it) or "text". after: the literal
    that follows; "" at the end of the line, and where a number ends by itself."""

    name: str
    kind: str
    after: str


class Template(msgspec.Struct, frozen=True):
    """A compiled template. head: the literal a line must begin with."""

    source: str
    head: str
    fields: tuple[Field, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields, without those that skip."""
        return tuple(field.name for field in self.fields if field.name)

    def match(self, line: str) -> dict[str, Any] | None:
        """The values by field name, or None. Looks at each character of the line once."""
        if len(line) > MAX_LINE or not line.startswith(self.head):
            return None
        at, values = len(self.head), {}
        for field in self.fields:
            end = _number_end(field, line, at) if field.kind in _NUMBERS else _end(field, line, at)
            if end < 0:
                return None
            if field.name:
                value = _value(field, line[at:end])
                if value is None:
                    return None
                values[field.name] = value
            at = end + len(field.after)
        return values if at == len(line) else None


def _end(field: Field, line: str, at: int) -> int:
    """Where a field of words ends, -1 if it does not."""
    least = at if field.kind == SKIP else at + 1
    if not field.after:
        return len(line) if len(line) >= least else -1
    return line.find(field.after, least)


def _number_end(field: Field, line: str, at: int) -> int:
    found = _NUMBERS[field.kind].match(line, at, at + MAX_NUMBER)
    if found is None or not line.startswith(field.after, found.end()):
        return -1
    return found.end()


_NUMBERS = {"float": _NUMBER, "int": _WHOLE}


def _value(field: Field, text: str) -> Any:
    """The field's text as its kind; None if it is none."""
    if field.kind == "word":
        return None if _SPACE.search(text) else text
    if field.kind == "text":
        return text.strip() or None
    plain = text.replace(",", "")
    number = float(plain) if field.kind == "float" else int(plain)
    return number if field.kind == "float" or abs(number) < 2**63 else None


def compile_template(source: str, *, blank: bool = False) -> Template:
    """Raises ManifestError that says what of the template is wrong, and where. blank: it may begin
    with spaces alone, or a field, as rows that are only looked at below their line may."""
    if not 0 < len(source) <= MAX_TEMPLATE:
        raise ManifestError(f"a template has 1 to {MAX_TEMPLATE} characters, not {len(source)}")
    if not source.isprintable():
        raise ManifestError(f"template {source!r:.80} holds a character that cannot be printed")
    parts: list[tuple[str, str] | str] = []
    literal, at = "", 0
    while at < len(source):
        two = source[at : at + 2]
        if two in ("{{", "}}"):
            literal, at = literal + two[0], at + 2
        elif source[at] == "}":
            raise ManifestError(f"`{source}`: a lone `}}` at {at + 1}; write `}}}}` for the sign")
        elif source[at] == "{":
            end = source.find("}", at)
            if end < 0:
                raise ManifestError(f"`{source}`: the field at {at + 1} is not closed")
            parts += [literal, _field(source, source[at + 1 : end])]
            literal, at = "", end + 1
        else:
            literal, at = literal + source[at], at + 1
    parts.append(literal)
    return _joined(source, parts, blank=blank)


def _field(source: str, inside: str) -> tuple[str, str]:
    if inside == SKIP:
        return "", SKIP
    found = _FIELD.fullmatch(inside)
    if found is None or found[2] not in _KINDS:
        kinds = ", ".join(_KINDS)
        raise ManifestError(
            f"`{source}`: `{{{inside}}}` is no field; write {{name:kind}}, kind one of {kinds}, "
            "or {*} to skip"
        )
    return found[1], found[2]


def _joined(source: str, parts: list[tuple[str, str] | str], *, blank: bool) -> Template:
    literals = [part for part in parts if isinstance(part, str)]
    fields = [part for part in parts if not isinstance(part, str)]
    if not (blank or literals[0].strip()):
        raise ManifestError(f"`{source}`: begin with text, so that other lines cost nothing")
    if len(fields) > MAX_FIELDS:
        raise ManifestError(f"`{source}`: at most {MAX_FIELDS} fields, not {len(fields)}")
    names = [name for name, _ in fields if name]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ManifestError(f"`{source}`: `{twice}` stands there twice")
    for (name, kind), after in zip(fields[:-1], literals[1:-1], strict=True):
        if not after and kind not in _NUMBERS:
            raise ManifestError(f"`{source}`: there must be text after `{{{name or SKIP}}}`")
    literals[-1] = literals[-1].rstrip()
    compiled = [
        Field(name, kind, after) for (name, kind), after in zip(fields, literals[1:], strict=True)
    ]
    return Template(source, literals[0] if fields else literals[0].rstrip(), tuple(compiled))
