"""The checkout's own model, built on the `meta` device: shapes without memory."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

from . import LIBRARY


class NoModelError(Exception):
    """The checkout builds no such model; the text says why in one line. sure: a run would be
    refused just so, and not only our way of building it."""

    def __init__(self, text: str, *, sure: bool = False) -> None:
        super().__init__(text)
        self.sure = sure


def torch() -> Any:
    """The checkout's torch. Raises NoModelError when there is none."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise NoModelError(f"torch cannot be imported: {error}") from None


def build(config: dict[str, Any], *, known_only: bool = False) -> tuple[Any, dict[str, Any]]:
    """(model, configuration after the checkout's own patches for older files). known_only: leave
    out what the checkout's GPTConfig has no field for."""
    library = torch()
    try:
        gpt = importlib.import_module(f"{LIBRARY}.gpt")
        config = dict(config)
        patch = from_manager("_patch_missing_config_keys")
        if patch is not None:
            patch(config)
        fields = getattr(gpt.GPTConfig, "__dataclass_fields__", None)
        if known_only and fields:
            config = {name: value for name, value in config.items() if name in fields}
        with library.device("meta"):
            return gpt.GPT(gpt.GPTConfig(**config)), config
    except (Exception, SystemExit) as error:
        raise NoModelError(one_line(error)) from None


def from_manager(name: str) -> Callable[..., Any] | None:
    """A function of the checkout's checkpoint_manager, None if it has none of this name."""
    with contextlib.suppress(Exception, SystemExit):
        found = getattr(importlib.import_module(f"{LIBRARY}.checkpoint_manager"), name, None)
        return found if callable(found) else None
    return None


def one_line(error: BaseException) -> str:
    """What happened, without the traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:3]) if lines else type(error).__name__
    return text[:300]
