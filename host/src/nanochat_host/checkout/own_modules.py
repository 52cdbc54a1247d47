"""What a script imports from modules of its own checkout: constants that its options use, and
functions that declare options. Read from their source, when needed, and once per checkout."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .hook.loops import called_name
from .hook.package import import_folders
from .hook.trees import walk
from .literals import NotLiteralError, evaluate
from .parsing import parse

MAX_SOURCE_BYTES = 2**20
_STATEMENT = re.compile(r"\n(?=[^\s#)\]}])")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n#]+))",
    re.MULTILINE,
)
Declarations = list[tuple[list[ast.Call], dict[str, Any]]]
"""Calls in the order of their lines, and the constants they may name."""


def calls_of(nodes: Iterable[ast.AST]) -> list[ast.Call]:
    """The calls among `nodes`, in the order of the source."""
    found = [n for n in nodes if isinstance(n, ast.Call)]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset))


def constants_of(tree: ast.Module) -> dict[str, Any]:
    """Module variables whose value the source tells."""
    constants: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            try:
                constants[target.id] = evaluate(value, constants)
            except NotLiteralError:
                constants.pop(target.id, None)
    return constants


class OwnModules:
    """Modules below `root`. A module that cannot be read has nothing to give."""

    def __init__(self, root: Path | None) -> None:
        self._folders = [] if root is None else import_folders(root)
        self._sources: dict[str, str] = {}
        self._trees: dict[str, ast.Module | None] = {}
        self._packages: set[str] = set()
        self._near: dict[str, set[str]] = {}

    def constants(
        self, tree: ast.Module, calls: Sequence[ast.Call], known: dict[str, Any]
    ) -> dict[str, Any]:
        """Values of what `calls` name, beyond what is `known`."""
        used = {n.id for c in calls for n in walk(c) if isinstance(n, ast.Name)} - set(known)
        found = {}
        for name, module, there in _imported(tree):
            if name in used and (source := self._tree(module, there)) is not None:
                values = constants_of(source)
                if there in values:
                    found[name] = values[there]
        return found

    def declarations(self, tree: ast.Module, calls: Sequence[ast.Call]) -> Declarations:
        """Of functions that the script imports and calls."""
        called = {called_name(call) for call in calls}
        found: Declarations = []
        for name, module, there in _imported(tree):
            if name not in called:
                continue
            source = self._tree(module, f"def {there}(", "add_argument")
            body = source.body if source is not None else []
            for function in body:
                if isinstance(function, ast.FunctionDef) and function.name == there:
                    inner = calls_of(walk(function))
                    if any(called_name(call) == "add_argument" for call in inner):
                        found.append((inner, constants_of(source) if source else {}))
        return found

    def _tree(self, module: str, begins: str, holds: str = "") -> ast.Module | None:
        """None also where `holds` does not stand between `begins` and the next statement: then it
        is not worth parsing."""
        source = self.source(module)
        at = source.find(begins)
        end = _STATEMENT.search(source, at + len(begins))
        if at < 0 or holds not in source[at : end.start() if end else None]:
            return None
        return self.tree(module)

    def tree(self, module: str) -> ast.Module | None:
        """None for a module that cannot be parsed."""
        if module not in self._trees:
            self._trees[module] = _parsed(self.source(module))
        return self._trees[module]

    def source(self, module: str) -> str:
        """ "" for what is no module of the checkout."""
        if module not in self._sources:
            self._sources[module] = self._read(module)
        return self._sources[module]

    def _read(self, module: str) -> str:
        for folder in self._folders:
            file = folder.joinpath(*module.split("."))
            package = file.is_dir()
            found = file / "__init__.py" if package else file.with_suffix(".py")
            if package:
                self._packages.add(module)
            try:
                with found.open("rb") as opened:
                    return opened.read(MAX_SOURCE_BYTES).decode("utf-8-sig")
            except (OSError, ValueError):
                continue
        return ""

    def package_of(self, module: str) -> str:
        """What its relative imports start from."""
        self.source(module)
        return module if module in self._packages else module.rpartition(".")[0]

    def imported_by(self, module: str) -> set[str]:
        """Modules of the checkout that it imports, anywhere in it."""
        if module not in self._near:
            package = self.package_of(module)
            named = {
                name
                for match in _IMPORT.finditer(self.source(module))
                for name in _named_by(match, package)
            }
            self._near[module] = {name for name in named if self.source(name)}
        return self._near[module]


NONE_OWN = OwnModules(None)


def _parsed(source: str) -> ast.Module | None:
    try:
        return parse(source)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _named_by(match: re.Match[str], package: str) -> Iterator[str]:
    """Modules that an import statement may mean. package: what a relative one starts from."""
    dots, base, names, plain = match.groups()
    if plain:
        yield from re.findall(r"[\w.]+", plain)
        return
    if dots:
        parts = package.split(".")
        base = ".".join(part for part in (*parts[: len(parts) - len(dots) + 1], base) if part)
    yield base
    yield from (f"{base}.{name}" for name in re.findall(r"\w+", names))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(name here, module, name there) of `from MODULE import NAME` at module level."""
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            for alias in statement.names:
                yield alias.asname or alias.name, statement.module, alias.name
