"""Values for a script's options: checked against what its source declares, and found again on a
recipe's command line. Nothing is started with an option the script would not understand."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nanochat_host.checkout.model import Option
from nanochat_host.errors import UsageError

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


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


def check(option: Option, value: Any) -> Any:
    """The value as the option's type. Raises UsageError that names the option and the type."""
    if option.action == "repeated" and isinstance(value, list):
        return [_check_one(option, item) for item in value]
    return _check_one(option, value)


def _check_one(option: Option, value: Any) -> Any:
    try:
        checked = _convert(option.type, value)
    except (ValueError, OverflowError, TypeError):
        wanted = _TYPES.get(option.type, option.type)
        raise UsageError(f"option `{option.name}` takes {wanted}, not {value!r}") from None
    if option.choices is not None and checked not in option.choices:
        choices = ", ".join(map(str, option.choices))
        raise UsageError(f"option `{option.name}` is one of {choices}, not {value!r}")
    return checked


def _convert(kind: str, value: Any) -> Any:
    if kind == "bool":
        word = str(value).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError
        return word in _TRUE
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    if kind == "int":
        if isinstance(value, float) and not value.is_integer():
            raise ValueError
        return int(value)
    if kind == "float":
        return float(value)
    if "\0" in str(value):
        raise ValueError
    return str(value)


class Typed(NamedTuple):
    """A piece of a command line: its words, and the option they set, if they set one."""

    words: list[str]
    option: Option | None = None
    value: Any = None


def read_argv(options: Sequence[Option], argv: Sequence[str]) -> list[Typed]:
    """Take a command line apart. What is no option of the script's stays as it is."""
    by_flag = {option.flag: option for option in options if option.flag}
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
        return _check_one(option, text)
    except UsageError:
        return text
