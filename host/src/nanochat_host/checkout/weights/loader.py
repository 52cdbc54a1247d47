"""What a checkout's own code asks of a file's weights: its loader is run on weights without memory
and stopped where it would load them, or its source is read."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import LIBRARY
from .build import NoModelError, one_line

READS = "load_checkpoint"
LOADS = "load_state_dict"


class Asked(NamedTuple):
    """model, weights: name to shape of the model that was made and of what it is given. strict:
    both must have the same names."""

    model: dict[str, list[int]]
    weights: dict[str, list[int]]
    strict: bool


class NotReachedError(Exception):
    """The loader cannot be run as far as that, or there is none; nothing is known then."""


class _ReachedError(BaseException):
    """Thrown out of the loader, past whatever it catches."""

    def __init__(self, asked: Asked) -> None:
        super().__init__("the loader loads")
        self.asked = asked


def ask_the_loader(library: Any, tensors: dict[str, list[int]], meta: dict[str, Any]) -> Asked:
    """Run `build_model` of the checkout's checkpoint_manager on the `meta` device. Raises
    NotReachedError; NoModelError when it refuses the configuration itself."""
    try:
        manager = importlib.import_module(f"{LIBRARY}.checkpoint_manager")
        load = manager.build_model
    except (Exception, SystemExit) as error:
        raise NotReachedError(one_line(error)) from None
    with library.device("meta"):
        data = {name: library.empty(shape) for name, shape in tensors.items()}
    module = library.nn.Module
    before = getattr(manager, READS, None), module.load_state_dict

    def load_state_dict(self: Any, state: Any, strict: bool = True, *rest: Any, **more: Any) -> Any:
        if not any(name in tensors for name in state):
            return before[1](self, state, strict, *rest, **more)  # of something else
        shapes = {name: list(weight.shape) for name, weight in state.items()}
        mine = {name: list(weight.shape) for name, weight in self.state_dict().items()}
        raise _ReachedError(Asked(mine, shapes, bool(strict)))

    setattr(manager, READS, lambda *args, **kwargs: (data, None, meta))
    module.load_state_dict = load_state_dict
    try:
        load("", 0, library.device("meta"), "eval")
    except _ReachedError as reached:
        return reached.asked
    except TypeError as error:
        if "unexpected keyword argument" in str(error) and "Config" in str(error):
            raise NoModelError(one_line(error), sure=True) from None
        raise NotReachedError(one_line(error)) from None
    except (Exception, SystemExit) as error:
        raise NotReachedError(one_line(error)) from None
    finally:
        setattr(manager, READS, before[0])
        module.load_state_dict = before[1]
    raise NotReachedError("it loads in another way")


def loads_untouched(source: Path) -> bool:
    """Whether a script hands what `load_checkpoint` gives it to a strict `load_state_dict`, and to
    nothing else: then what does not fit stops it."""
    try:
        tree = ast.parse(source.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    scopes = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
    return any(_untouched(scope) for scope in scopes)


def _untouched(scope: ast.AST) -> bool:
    read = set(_read_names(scope))
    handed = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == LOADS
        and node.args
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id in read
    ]
    for call in handed:
        name = call.args[0].id  # type: ignore[attr-defined]
        strict = [word.value for word in call.keywords if word.arg == "strict"] + call.args[1:2]
        named = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == name]
        uses = [n for n in named if isinstance(n.ctx, ast.Load)]
        stores = [n for n in named if isinstance(n.ctx, ast.Store)]
        is_strict = all(isinstance(v, ast.Constant) and v.value is True for v in strict)
        if is_strict and len(uses) == 1 and len(stores) == 1:
            return True
    return False


def _read_names(scope: ast.AST) -> Iterator[str]:
    """The first name of each `weights, ... = load_checkpoint(...)`."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        target = node.targets[0]
        if word == READS and isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
            yield target.elts[0].id
