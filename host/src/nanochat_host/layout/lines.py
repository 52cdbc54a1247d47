"""On which line of a TOML file a key stands. tomllib does not say; a person wants to know."""

from __future__ import annotations

import re
from collections.abc import Iterable

Path = tuple[str | int, ...]
"""Keys and indices from the root, as in ("screens", 0, "panels", 2, "at")."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')
_LONG = re.compile(r'"""|\'\'\'')


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


class Lines:
    """Line numbers, from 1, of the keys and tables of a valid TOML text."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {(): 1}
        self.headers: list[tuple[int, Path]] = []
        """Line and path of every [table] and [[table]], in the order of the text."""
        self._counts: dict[Path, int] = {}
        self._scan(text.splitlines())

    def of(self, path: Path) -> int:
        """Line of the key at `path`, or of the nearest table or key around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _scan(self, lines: Iterable[str]) -> None:
        table: Path = ()
        depth = 0
        closing = ""
        for number, line in enumerate(lines, 1):
            if closing:
                if closing not in line:
                    continue
                line, closing = line.split(closing, 1)[1], ""
            elif depth == 0 and (header := _HEADER.match(line)):
                table = self._table(_parts(header[2]), array=header[1] == "[[")
                self._lines.setdefault(table, number)
                self.headers.append((number, table))
                continue
            elif depth == 0 and (key := _KEY.match(line)):
                path = table
                for part in _parts(key[1]):
                    path = (*path, part)
                    self._lines.setdefault(path, number)
            marks = _LONG.findall(line)
            if len(marks) % 2:
                closing = marks[-1]
                line = line.split(closing, 1)[0]
            bare = _STRING.sub("", line)
            depth = max(
                0, depth + sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")
            )

    def _table(self, parts: list[str], *, array: bool) -> Path:
        """Path of a header: elements of an array of tables get their index."""
        path: Path = ()
        for place, part in enumerate(parts):
            path = (*path, part)
            last = place == len(parts) - 1
            if last and array:
                self._counts[path] = self._counts.get(path, -1) + 1
            if path in self._counts:
                path = (*path, self._counts[path])
        return path
