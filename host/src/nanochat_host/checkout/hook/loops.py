"""Finds a script's training loop in its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .names import STEP_VARIABLES
from .trees import children, walk

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class LoopSite:
    """Where the loop is. block: the statement list that holds it. function: the one it stands in,
    None at module level. functions: those of the module, by name. nodes: all of the module. nested:
    it stands in another loop (over epochs), and will begin again."""

    loop: ast.For | ast.While
    block: list[ast.stmt]
    function: FunctionNode | None
    functions: dict[str, FunctionNode]
    nodes: list[ast.AST] = field(default_factory=list)
    nested: bool = False

    @property
    def kind(self) -> str:
        return "for" if isinstance(self.loop, ast.For) else "while"

    def after(self) -> list[ast.stmt]:
        return self.block[self.block.index(self.loop) + 1 :]


def walk_scope(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what is below it, without entering functions, classes and comprehensions: their
    names are their own."""
    todo = [node]
    own = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    while todo:
        current = todo.pop()
        yield current
        todo += [
            child for child in children(current) if not isinstance(child, (*own, *comprehensions))
        ]


def stored_names(node: ast.AST) -> set[str]:
    """Variables assigned in `node` itself."""
    return {
        n.id for n in walk_scope(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def loaded_names(node: ast.AST) -> set[str]:
    """Variables read anywhere below `node`."""
    return {n.id for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def called_name(call: ast.Call) -> str:
    """The last part of what is called: "step" for `self.optimizer.step()`."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def backpropagates(called: Iterable[str]) -> bool:
    """Whether one of these names is `backward`, or what a trainer calls its own: `forward_backward`
    and the like."""
    return any(name.endswith("backward") for name in called)


def calls_in(node: ast.AST, functions: dict[str, FunctionNode] | None = None) -> set[str]:
    """Names of everything called below `node`, also inside the given functions it calls."""
    found: set[str] = set()
    todo: list[ast.AST] = [node]
    while todo:
        for n in walk(todo.pop()):
            if not isinstance(n, ast.Call):
                continue
            name = called_name(n)
            if functions and name in functions and name not in found:
                todo.append(functions[name])
            found.add(name)
    return found


def find_loop(tree: ast.Module, nodes: list[ast.AST] | None = None) -> LoopSite | None:
    """The innermost loop that both backpropagates and steps an optimizer; one at module level
    before one in a function. None if there is none. nodes: of the tree, where they are known."""
    nodes = walk(tree) if nodes is None else nodes
    if not any(isinstance(n, ast.Attribute) and backpropagates([n.attr]) for n in nodes):
        return None
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = {n.name: n for n in nodes if isinstance(n, defined)}
    site = _Search(functions).within(tree.body, None)
    if site is not None:
        site.nodes = nodes
    return site


class _Search:
    """What a function calls is looked up once, however many loops call it."""

    def __init__(self, functions: dict[str, FunctionNode]) -> None:
        self._functions = functions
        self._calls: dict[str, set[str]] = {}

    def _trains(self, node: ast.AST) -> bool:
        called: set[str] = set()
        todo = calls_in(node)
        while todo:
            called |= todo
            todo = {c for name in todo for c in self._called_by(name)} - called
        return "step" in called and backpropagates(called)

    def _called_by(self, name: str) -> set[str]:
        if name not in self._calls:
            function = self._functions.get(name)
            self._calls[name] = calls_in(function) if function is not None else set()
        return self._calls[name]

    def within(self, block: list[ast.stmt], function: FunctionNode | None) -> LoopSite | None:
        in_functions: LoopSite | None = None
        for statement in block:
            if isinstance(statement, (ast.For, ast.While)) and self._trains(statement):
                inner = self.within(statement.body, function)
                if inner is None:
                    return LoopSite(statement, block, function, self._functions)
                inner.nested = True
                return inner
            for nested, owner in _blocks_of(statement, function):
                site = self.within(nested, owner)
                if site is None:
                    continue
                if site.function is function:
                    return site
                in_functions = in_functions or site
        return in_functions


def _blocks_of(
    statement: ast.stmt, function: FunctionNode | None
) -> Iterator[tuple[list[ast.stmt], FunctionNode | None]]:
    owner = function
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        owner = statement
    for name in ("body", "orelse", "finalbody"):
        nested = getattr(statement, name, None)
        if nested:
            yield nested, owner
    for handler in getattr(statement, "handlers", []):
        yield handler.body, owner
    for case in getattr(statement, "cases", []):
        yield case.body, owner


def step_variable(loop: ast.For | ast.While) -> str:
    """The variable that counts steps, "" if none is recognised."""
    stored = stored_names(loop)
    for name in STEP_VARIABLES:
        if name in stored:
            return name
    target = loop.target if isinstance(loop, ast.For) else None
    if isinstance(target, ast.Tuple) and target.elts:
        target = target.elts[0] if "enumerate" in calls_in(loop.iter) else None  # type: ignore[union-attr]
    counts = isinstance(loop, ast.For) and {"range", "enumerate"} & calls_in(loop.iter)
    return target.id if counts and isinstance(target, ast.Name) else ""


def loop_variables(site: LoopSite) -> list[str]:
    """Every variable an iteration may assign, in order of their names: those of the loop itself
    and the globals that functions it reaches declare."""
    names = stored_names(site.loop)
    for function in reached_functions(site):
        declared = {
            name for n in walk_scope(function) if isinstance(n, ast.Global) for name in n.names
        }
        names |= declared & {
            n.id for n in walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
    return sorted(name for name in names if not name.startswith("_"))


def _is_generator(site: LoopSite, name: str) -> bool:
    function = site.functions.get(name)
    return function is not None and any(
        isinstance(n, (ast.Yield, ast.YieldFrom)) for n in walk(function)
    )


def reached_functions(site: LoopSite) -> list[FunctionNode]:
    """Functions of the module that an iteration may run: called in the loop, or behind a variable
    it uses, which holds a lambda or a generator made before the loop."""
    makers: dict[str, ast.AST] = {}
    for statement in walk(ast.Module(site.block, [])):
        if isinstance(statement, ast.Assign) and isinstance(
            statement.value, (ast.Call, ast.Lambda)
        ):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    makers.setdefault(target.id, statement.value)
    seen: set[str] = set()
    reached: list[FunctionNode] = []
    todo: list[ast.AST] = [site.loop]
    while todo:
        for name in loaded_names(todo.pop()) - seen:
            seen.add(name)
            if name in site.functions:
                reached.append(site.functions[name])
                todo.append(site.functions[name])
            elif isinstance(maker := makers.get(name), ast.Lambda):
                todo.append(maker)
            elif isinstance(maker, ast.Call) and _is_generator(site, called_name(maker)):
                todo.append(maker.func)
    return reached
