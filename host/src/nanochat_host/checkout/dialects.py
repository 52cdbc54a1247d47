"""How option values are written on a script's command line."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from nanochat_host.errors import UsageError

from .model import Dialect, Option

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str, int, float),
    "bool": (bool,),
}


def command_line(
    options: Sequence[Option], values: Mapping[str, Any], dialect: Dialect
) -> list[str]:
    """Arguments that set `values` (by option name), in the order the script declares its options.

    A value of None leaves the option out. Raises UsageError for an unknown name or a value the
    script would refuse.
    """
    known = {option.name: option for option in options}
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise UsageError(
                f"there is no option `{name}`", f"did you mean `{near[0]}`?" if near else ""
            )
    arguments: list[str] = []
    positional: list[str] = []
    command: list[str] = []
    for option in options:
        value = values.get(option.name)
        if value is None:
            continue
        check_value(option, value)
        if dialect == "configurator":
            arguments.append(f"{option.flag}={_configurator_text(option, value)}")
        elif option.action == "command":
            command = [str(value)]
        elif option.action == "positional":
            positional += _words(value)
        else:
            arguments += _argparse_words(option, value)
    # Else the first would be read as one more word of a repeated option, or as an option.
    return [*command, *arguments, *(["--", *positional] if positional else [])]


def check_value(option: Option, value: Any) -> None:
    """Raises UsageError that names the option, the value and what it takes."""
    if option.action in ("repeated", "positional") and isinstance(value, (list, tuple)):
        for item in value:
            check_value(option, item)
        return
    fits = isinstance(value, _TYPES.get(option.type, (object,)))
    if isinstance(value, bool) and option.type != "bool":
        fits = False
    if not fits:
        raise UsageError(f"option `{option.name}` takes {option.type}, not {value!r}")
    if option.choices is not None and value not in option.choices:
        raise UsageError(
            f"option `{option.name}` cannot be {value!r}",
            f"choose one of {', '.join(map(str, option.choices))}",
        )


def _argparse_words(option: Option, value: Any) -> list[str]:
    if option.action == "store_true":
        return [option.flag] if value else [option.off] * bool(option.off)
    if option.action == "store_false":
        return [] if value else [option.flag]
    if option.action == "optional_bool":
        return [option.flag if value else f"--no-{option.flag.lstrip('-')}"]
    if option.action == "repeated":
        return [option.flag, *_words(value)]
    if not option.flag.startswith("--"):
        return [option.flag, str(value)]
    return [f"{option.flag}={value}"]


def _words(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]


def _configurator_text(option: Option, value: Any) -> str:
    """Text that the configurator's `literal_eval` turns into the default's own type."""
    if isinstance(option.default, float):
        text = repr(float(value))
        if "=" in text or text in ("inf", "nan"):
            raise UsageError(f"option `{option.name}` cannot be {value!r}")
        return text
    text = str(value)
    if "=" in text:
        raise UsageError(f"option `{option.name}` cannot hold `=` in this script")
    if isinstance(option.default, str) and _reads_as_other(text):
        return repr(text)
    return text


def _reads_as_other(text: str) -> bool:
    """Whether `literal_eval` would make something else than text of it."""
    try:
        return not isinstance(ast.literal_eval(text), str)
    except (ValueError, SyntaxError):
        return False
