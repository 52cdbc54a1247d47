"""Which options can be changed while the loop runs: those it reads anew in each iteration."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .loops import LoopSite, called_name, reached_functions, stored_names
from .trees import walk


@dataclass(frozen=True)
class Liveness:
    """live: options, by name. settable: module variables that are no option but are read by the
    loop and not assigned in it."""

    live: list[str]
    settable: list[str]


HORIZONS = {"num_iterations", "num_steps", "max_steps", "max_iters"}
"""How long to train: the setup computes with it too, and yet the loop obeys a change."""


def liveness(tree: ast.Module, site: LoopSite) -> Liveness:
    holders = _argument_holders(site.nodes)
    reached: list[ast.AST] = [site.loop, *reached_functions(site)]
    module = _module_variables(tree, site)
    variables, attributes = _reads(reached, holders)
    used_variables, used_attributes = _reads(_setup(site), holders)
    spent = (used_attributes | used_variables & module) - HORIZONS
    # A parser made in another module: what `args` is asked for must be an option.
    options = _option_names(tree, site.nodes) or attributes
    live = options & (attributes | variables & module) - spent
    return Liveness(sorted(live), sorted((variables & module) - options))


def _setup(site: LoopSite) -> list[ast.AST]:
    """Statements before the loop that keep something computed from the options: for them a change
    comes too late. Checks and prints keep nothing, and functions run when the loop calls them."""
    before = site.block[: site.block.index(site.loop)]
    return [s for s in before if not _defines(s) and stored_names(s)]


def _reads(nodes: list[ast.AST], holders: set[str]) -> tuple[set[str], set[str]]:
    """(variables, attributes of `args`) that are read."""
    variables, attributes = set(), set()
    for node in nodes:
        for n in walk(node):
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load):
                variables.add(n.id)
            elif isinstance(n, ast.Attribute) and getattr(n.value, "id", "") in holders:
                attributes.add(n.attr)
    return variables, attributes


def _argument_holders(nodes: list[ast.AST]) -> set[str]:
    """Variables that hold what `parse_args()` returned; `args` in any case."""
    holders = {"args"}
    for n in nodes:
        if (
            isinstance(n, ast.Assign)
            and isinstance(n.value, ast.Call)
            and called_name(n.value) in ("parse_args", "get_args")
        ):
            holders |= {t.id for t in n.targets if isinstance(t, ast.Name)}
    return holders


def _module_variables(tree: ast.Module, site: LoopSite) -> set[str]:
    """Assigned at module level outside the loop and never in an iteration."""
    if site.function is not None:
        return set()
    own = stored_names(site.loop)
    outside: set[str] = set()
    for statement in tree.body:
        if statement is not site.loop and not _defines(statement):
            outside |= stored_names(statement)
    return outside - own


def _defines(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _option_names(tree: ast.Module, nodes: list[ast.AST]) -> set[str]:
    """Names the command line may set: argparse destinations, or what stands before the
    configurator."""
    names: set[str] = set()
    for n in nodes:
        if isinstance(n, ast.Call) and called_name(n) == "add_argument":
            flags = [a.value for a in n.args if isinstance(a, ast.Constant)]
            dest = [
                k.value.value
                for k in n.keywords
                if k.arg == "dest" and isinstance(k.value, ast.Constant)
            ]
            long = [f for f in flags if isinstance(f, str) and f.startswith("--")] or flags
            names |= {str(name).lstrip("-").replace("-", "_") for name in (dest or long)[:1]}
    if names:
        return names
    for statement in tree.body[: configurator_line(tree)]:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            names |= stored_names(statement)
    return names


def configurator_line(tree: ast.Module) -> int:
    """Which statement lets the command line replace module variables, the older way to read it; 0
    if none does. `exec(open(.../configurator.py).read())`, in one line or below a `with`, or a call
    of what was imported from a module of that name."""
    reads: set[str] = set()
    for index, statement in enumerate(tree.body):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            reads |= _configurators(statement)
        elif isinstance(statement, (ast.Expr, ast.With, ast.Assign)) and _configures(
            statement, reads
        ):
            return index
    return 0


def _configurators(statement: ast.Import | ast.ImportFrom) -> set[str]:
    module = (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
    whole = module.rpartition(".")[2] == "configurator"
    return {
        alias.asname or alias.name.rpartition(".")[2]
        for alias in statement.names
        if whole or alias.name.rpartition(".")[2] == "configurator"
    }


def _configures(statement: ast.stmt, reads: set[str]) -> bool:
    nodes = walk(statement)
    calls = [called_name(n) for n in nodes if isinstance(n, ast.Call)]
    if reads & {n.id for n in nodes if isinstance(n, ast.Name)} and calls:
        return True
    return "exec" in calls and any(
        isinstance(n, ast.Constant)
        and isinstance(n.value, str)
        and n.value.endswith("configurator.py")
        for n in nodes
    )
