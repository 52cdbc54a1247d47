"""What a checkout's own code asks of a file's weights: its loader is run on weights without memory
and stopped where it would load them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from . import LIBRARY
from .build import NoModelError, one_line

READS = "load_checkpoint"
MISFIT = "loading state_dict"
"""In what torch says of weights that do not fit."""


class Asked(NamedTuple):
    """model, weights: name to shape of the model that was made and of what it is given, after what
    its modules convert as they load. strict: both must have the same names."""

    model: dict[str, list[int]]
    weights: dict[str, list[int]]
    strict: bool


class NotReachedError(Exception):
    """The loader cannot be run as far as that, or there is none; nothing is known then."""


class _ReachedError(BaseException):
    """Thrown out of the loader, past whatever it catches."""

    def __init__(self, asked: Asked | NotReachedError) -> None:
        super().__init__("the loader loads")
        self.asked = asked


def load_into(
    model: Any, weights: dict[str, Any], load: Callable[..., Any], *, strict: bool = True
) -> Asked:
    """Have torch load the weights, so that modules which convert or fill in their own do it. load:
    called with the weights, must not be strict. Raises NotReachedError if it fails otherwise."""
    mine, there = shapes_of(model.state_dict()), shapes_of(weights)
    try:
        found = load(weights)
        missing, unexpected = set(found.missing_keys), set(found.unexpected_keys)
    except Exception as error:
        if isinstance(error, RuntimeError) and MISFIT in str(error):
            return Asked(mine, there, strict)  # shapes differ
        raise NotReachedError(one_line(error)) from None
    taken = {name: shape for name, shape in mine.items() if name not in missing}
    return Asked(mine, taken | {name: there.get(name, []) for name in unexpected}, strict)


def shapes_of(weights: dict[str, Any]) -> dict[str, list[int]]:
    """Name to shape."""
    return {name: list(weight.shape) for name, weight in weights.items()}


def on_meta(library: Any, tensors: dict[str, list[int]]) -> dict[str, Any]:
    """Weights of these shapes, without memory."""
    with library.device("meta"):
        return {name: library.empty(shape) for name, shape in tensors.items()}


def ask_the_loader(library: Any, tensors: dict[str, list[int]], meta: dict[str, Any]) -> Asked:
    """Run `build_model` of the checkout's checkpoint_manager on the `meta` device. Raises
    NotReachedError; NoModelError when it refuses the configuration itself."""
    try:
        manager = importlib.import_module(f"{LIBRARY}.checkpoint_manager")
        load = manager.build_model
    except (Exception, SystemExit) as error:
        raise NotReachedError(one_line(error)) from None
    data = on_meta(library, tensors)
    module = library.nn.Module
    before = getattr(manager, READS, None), module.load_state_dict

    def load_state_dict(self: Any, state: Any, strict: bool = True, *rest: Any, **more: Any) -> Any:
        if not any(name in tensors for name in state):
            return before[1](self, state, strict, *rest, **more)  # of something else
        try:
            asked: Asked | NotReachedError = load_into(
                self, state, lambda given: before[1](self, given, False, *rest, **more),
                strict=bool(strict),
            )  # fmt: skip
        except NotReachedError as error:
            asked = error
        raise _ReachedError(asked)

    setattr(manager, READS, lambda *args, **kwargs: (data, None, meta))
    module.load_state_dict = load_state_dict
    try:
        load("", 0, library.device("meta"), "eval")
    except _ReachedError as reached:
        if isinstance(reached.asked, NotReachedError):
            raise reached.asked from None
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
