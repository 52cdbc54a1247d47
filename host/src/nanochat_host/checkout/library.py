"""Finds the training loop of a script that has none itself, in the modules it imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from .hook.library import may_train
from .hook.liveness import liveness
from .hook.loops import LoopSite, find_loop
from .hook.trees import walk
from .own_modules import OwnModules

MAX_DEPTH = 8
"""Of imports that are followed from the script."""
Wanted = tuple[str, str]
"""A module, and what is imported from it; "" is all of it."""
Part = tuple[set[ast.AST], set[str]]
"""Loops in a part of a module, and the names it uses."""


class LibraryTraining:
    """Looks a module up once for all scripts of a checkout, and only parses those by which a loop
    may be reached."""

    def __init__(self, own: OwnModules) -> None:
        self._own = own
        self._leads: dict[str, bool] = {}
        self._sites: dict[str, LoopSite | None] = {}
        self._parts: dict[Wanted, Part] = {}
        self._imports: dict[str, list[tuple[Wanted, str]]] = {}

    def live_names(self, nodes: Iterable[ast.AST]) -> list[str] | None:
        """Options that the loop reads anew in each iteration; None if the script, of which these
        are all nodes, leads to no loop."""
        found = self._loop_of(nodes)
        return None if found is None else liveness(*found).live

    def _loop_of(self, nodes: Iterable[ast.AST]) -> tuple[ast.Module, LoopSite] | None:
        todo = [(wanted, 1) for wanted, _ in _imports(nodes, "")]
        seen: set[Wanted] = set()
        while todo:
            (module, name), depth = todo.pop(0)
            if name and self._own.source(f"{module}.{name}"):
                module, name = f"{module}.{name}", ""
            if (module, name) in seen or depth > MAX_DEPTH or not self.leads_to_one(module):
                continue
            seen.add((module, name))
            tree = self._own.tree(module)
            if tree is None:
                continue
            loops, used = self._part(module, name, tree)
            site = self._site(module)
            if site is not None and site.loop in loops:
                return tree, site
            todo += [(found, depth + 1) for found in self._beyond((module, name), tree, used)]
        return None

    def leads_to_one(self, start: str) -> bool:
        """Whether that module has a loop, or one with a loop is imported from there on: a look at
        texts, before any is parsed."""
        if start not in self._leads:
            seen, todo = {start}, [start]
            while todo and self._site(todo[-1]) is None:
                near = self._own.imported_by(todo.pop()) - seen
                seen |= near
                todo += near
            self._leads[start] = bool(todo)
        return self._leads[start]

    def _site(self, module: str) -> LoopSite | None:
        if module not in self._sites:
            tree = self._own.tree(module) if may_train(self._own.source(module).encode()) else None
            self._sites[module] = find_loop(tree) if tree is not None else None
        return self._sites[module]

    def _part(self, module: str, name: str, tree: ast.Module) -> Part:
        if (module, name) not in self._parts:
            self._parts[module, name] = _part(tree, name)
        return self._parts[module, name]

    def _beyond(self, wanted: Wanted, tree: ast.Module, used: set[str]) -> Iterator[Wanted]:
        """What of other modules that part uses, or is handed on from."""
        module, name = wanted
        if module not in self._imports:
            package = self._own.package_of(module)
            self._imports[module] = list(_imports(walk(tree), package))
        for (other, there), here in self._imports[module]:
            if here == "*":
                yield other, name
            elif not name or here in used:
                yield other, there


def _part(tree: ast.Module, name: str) -> Part:
    """Of the definition of `name` and those in the module that it uses; "" is the whole module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = {s.name: s for s in tree.body if isinstance(s, kinds)}
    loops: set[ast.AST] = set()
    used = {name}
    todo: list[ast.AST] = [defined.pop(name)] if name in defined else [tree] * (not name)
    while todo:
        nodes = walk(todo.pop())
        loops |= {n for n in nodes if isinstance(n, (ast.For, ast.While))}
        used |= {n.id for n in nodes if isinstance(n, ast.Name)}
        todo += [defined.pop(other) for other in used & defined.keys()] if name else []
    return loops, used


def _imports(nodes: Iterable[ast.AST], package: str) -> Iterator[tuple[Wanted, str]]:
    """What is imported, and by which name it is known. package: of the importing module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.name, ""), alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] * bool(node.level)
            module = ".".join(part for part in (*base, node.module) if part)
            for alias in node.names:
                yield (module, "" if alias.name == "*" else alias.name), alias.asname or alias.name
