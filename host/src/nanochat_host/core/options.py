"""Values for a script's options: checked against what its source declares, and found again on a
recipe's command line. Nothing is started with an option the script would not understand."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nanochat_host.checkout.dialects import check_value
from nanochat_host.checkout.model import Option
from nanochat_host.errors import UsageError

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all if they are few; "" if there is none."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1, 0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there are: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def normalise(options: Mapping[str, Any]) -> dict[str, Any]:
    """`device-batch-size` and `--device-batch-size` mean `device_batch_size`."""
    return {name.lstrip("-").replace("-", "_"): value for name, value in options.items()}


def of_stage(
    wanted: Mapping[str, Any], stage: str, known: Iterable[str]
) -> tuple[dict[str, Any], set[str]]:
    """What is meant for a stage, by option name, and the keys that meant it. `depth` is for every
    stage that has it, `base_train.depth` for one, and wins. None takes a prefab's value out, so
    that the one below it counts: such a key is used, and sets nothing. On a command line an empty
    value of a name that no option has says the same."""
    names = set(known)
    given: dict[str, Any] = {}
    meant: set[str] = set()
    for key, value in sorted(wanted.items(), key=lambda item: "." in item[0]):
        scope, _, name = key.rpartition(".")
        if scope not in ("", stage) or (name not in names and value not in (None, "")):
            continue
        meant.add(key)
        given.pop(name, None)
        if value is not None and name in names:
            given[name] = value
    return given, meant


def left_out(wanted: Mapping[str, Any], stage: str) -> set[str]:
    """Names whose prefab value is not to count for the stage: those that were given another."""
    return {
        name for scope, _, name in (key.rpartition(".") for key in wanted) if scope in ("", stage)
    }


def fit(option: Option, value: Any) -> Any:
    """The value in the option's type. Forms and files hold texts and whole floats where a number
    is meant. Raises UsageError that names the option and what it takes."""
    if isinstance(value, list) and option.action in ("repeated", "positional"):
        value = [_convert(option.type, item) for item in value]
    else:
        value = _convert("bool" if _is_switch(option) else option.type, value)
        value = int(value) if _is_switch(option) and isinstance(value, bool) else value
    if "\0" in str(value):
        raise UsageError(f"option `{option.name}` holds a zero byte")
    check_value(option, value)
    return value


def _is_switch(option: Option) -> bool:
    """A whole number that a pack says is 0 or 1: true and false mean those."""
    return option.said is not None and option.type == "int" and option.choices in ([0, 1], [1, 0])


def _convert(kind: str, value: Any) -> Any:
    """The value converted if that loses nothing, else as it is."""
    try:
        match kind, value:
            case "bool", str() if value.lower() in _TRUE | _FALSE:
                return value.lower() in _TRUE
            case (("int" | "float"), str()):
                return int(value) if kind == "int" else float(value)
            case "float", int() if not isinstance(value, bool):
                return float(value)
            case "int", float() if value.is_integer():
                return int(value)
            case "str", int() | float() if not isinstance(value, bool):
                return str(value)
    except (ValueError, OverflowError):
        pass
    return value


def is_finite(value: float) -> bool:
    """Neither infinite, nor a whole number beyond what a float holds, which no option means."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


class Typed(NamedTuple):
    """A piece of a command line: its words, and the option they set, if they set one."""

    words: list[str]
    option: Option | None = None
    value: Any = None


def read_argv(options: Sequence[Option], argv: Sequence[str]) -> list[Typed]:
    """Take a command line apart. What is no option of the script's stays as it is."""
    by_flag = {option.flag: option for option in options if option.flag}
    by_flag |= {option.off: option for option in options if option.off}
    by_flag |= {
        option.flag.replace("--", "--no-", 1): option
        for option in options
        if option.action == "optional_bool"
    }
    pieces: list[Typed] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        flag, equals, text = word.partition("=")
        option = by_flag.get(flag) or by_flag.get(flag.replace("_", "-"))
        if option is None:
            pieces.append(Typed([word]))
        elif equals:
            pieces.append(Typed([word], option, _soft(option, text)))
        elif option.action in ("store_true", "store_false", "optional_bool"):
            on = option.action != "store_false" and not flag.startswith("--no-")
            on = on and flag != option.off
            pieces.append(Typed([word], option, on))
        elif option.action == "repeated":
            taken = []
            while words and not words[0].startswith("--"):
                taken.append(words.pop(0))
            pieces.append(Typed([word, *taken], option, [_soft(option, text) for text in taken]))
        else:
            taken = [words.pop(0)] if words else []
            value = _soft(option, taken[0]) if taken else None
            pieces.append(Typed([word, *taken], option, value))
    return pieces


def _soft(option: Option, text: str) -> Any:
    """As typed if it fits; a recipe's own value is the recipe's business (it may be `$VAR`)."""
    try:
        return fit(option, text)
    except UsageError:
        return text
