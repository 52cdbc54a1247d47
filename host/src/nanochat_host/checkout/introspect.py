"""A script's options, read from its source. Nothing of the checkout is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .configurator import configurator_options
from .hook.loops import called_name
from .hook.trees import walk
from .literals import NotLiteralError, evaluate, text_of
from .model import Action, Option, ScriptOptions
from .own_modules import NONE_OWN, Declarations, OwnModules, calls_of, constants_of
from .parsing import parse

_ACTIONS: dict[str, Action] = {
    "store_true": "store_true",
    "store_false": "store_false",
    "BooleanOptionalAction": "optional_bool",
    "append": "repeated",
    "extend": "repeated",
}
_NOT_OPTIONS = {"help", "version"}
_OTHER_PARSERS = {
    *("click", "typer", "tyro", "fire", "hydra", "jsonargparse", "simple_parsing", "draccus"),
    *("absl", "pydantic_settings", "HfArgumentParser"),
}
"""Packages, or what is imported of one, by which a script may take options."""


def read_options(source: str, filename: str) -> ScriptOptions:
    """Options of a script in either dialect. Raises SyntaxError."""
    return options_of(parse(source, filename), source)


def options_of(
    tree: ast.Module,
    source: str,
    own: OwnModules = NONE_OWN,
    nodes: Iterable[ast.AST] | None = None,
) -> ScriptOptions:
    """`read_options` for a source that is parsed already. own: modules it may import from. nodes:
    of the tree, where they are known."""
    calls = calls_of(walk(tree) if nodes is None else nodes)
    names = constants_of(tree)
    says = _description(tree, calls, names)
    if any(called_name(c) in ("add_argument", "ArgumentParser") for c in calls):
        local = [c for c in calls if called_name(c) == "add_argument" and c.args]
        names |= own.constants(tree, local, names)
        declared = [(calls, names), *own.declarations(tree, calls)]
        return ScriptOptions("argparse", _argparse_options(declared), says)
    if declared := own.declarations(tree, calls):
        return ScriptOptions("argparse", _argparse_options(declared), says)
    options = configurator_options(tree, source)
    if options is None and (library := _other_parser(tree)):
        says = f"{says} (its options are declared with {library}, which is not read)".strip()
    return ScriptOptions("none" if options is None else "configurator", options or [], says)


def _other_parser(tree: ast.Module) -> str:
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if getattr(statement, "level", 0):
                continue
            names = {alias.name for alias in statement.names}
            names.add((getattr(statement, "module", None) or "").partition(".")[0])
            for name in sorted(names & _OTHER_PARSERS):
                return name
    return ""


def _argparse_options(declared: Declarations) -> list[Option]:
    """declared: the calls of the script, and of functions elsewhere that it hands its parser to."""
    options: dict[str, Option] = {}
    for calls, names in declared:
        options |= _commands(calls, names)
        added = (c for c in calls if called_name(c) == "add_argument" and c.args)
        for option in filter(None, (_option(c, names) for c in added)):
            options[option.name] = _paired(options.get(option.name), option)
    for calls, names in declared:
        for call in calls:
            if called_name(call) == "set_defaults":
                _override_defaults(call, options, names)
    return list(options.values())


def _commands(calls: list[ast.Call], names: dict[str, Any]) -> dict[str, Option]:
    """The word that chooses a program, for a script with sub-parsers."""
    parents = [call for call in calls if called_name(call) == "add_subparsers"]
    words = [
        _literal(call.args[0], names)
        for call in calls
        if called_name(call) == "add_parser" and call.args
    ]
    known = [word for word in words if isinstance(word, str)]
    if not parents or not known:
        return {}
    given = {k.arg: k.value for k in parents[0].keywords}
    name = str(_literal(given.get("dest"), names) or "command")
    command = Option(
        name, "", "str", choices=known, line=parents[0].lineno, required=True, action="command"
    )
    return {name: command}


def _paired(first: Option | None, second: Option) -> Option:
    """`--x` and `--no-such-x` for one value are one switch; else the later declaration counts."""
    if first is None or {first.action, second.action} != {"store_true", "store_false"}:
        return second
    on, off = (first, second) if first.action == "store_true" else (second, first)
    return replace(on, off=off.flag, help=on.help or off.help)


def _option(call: ast.Call, names: dict[str, Any]) -> Option | None:
    """None for what is no value of a run (`--version`) or has a name made at run time."""
    flags = [flag for flag in (_literal(a, names) for a in call.args) if isinstance(flag, str)]
    given = {k.arg: k.value for k in call.keywords if k.arg}
    if not flags:
        return None
    raw_action = _action_name(given.get("action"), names)
    if raw_action in _NOT_OPTIONS:
        return None
    flag = next((f for f in flags if f.startswith("--")), flags[0])
    positional = not flag.startswith("-")
    action: Action = _ACTIONS.get(raw_action, "positional" if positional else "value")
    if action == "value" and _literal(given.get("nargs"), names) in ("+", "*"):
        action = "repeated"
    default = _literal(given.get("default"), names)
    default = None if isinstance(default, dict) else default
    if action in ("store_true", "store_false") and default is None:
        default = action == "store_false"
    choices = _literal(given.get("choices"), names)
    return Option(
        name=str(_literal(given.get("dest"), names) or flag.lstrip("-").replace("-", "_")),
        flag="" if positional else flag,
        type=_type_of(given.get("type"), action, default),
        default=default,
        choices=list(choices) if isinstance(choices, (list, dict)) else None,
        help=text_of(given["help"], names) if "help" in given else "",
        line=call.lineno,
        required=(positional and _literal(given.get("nargs"), names) not in ("?", "*"))
        or _literal(given.get("required"), names) is True,
        action=action,
    )


def _literal(node: ast.expr | None, names: dict[str, Any]) -> Any:
    """None for what is absent or only known at run time."""
    if node is None:
        return None
    try:
        return evaluate(node, names)
    except NotLiteralError:
        return None


def _action_name(node: ast.expr | None, names: dict[str, Any]) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name) and node.id not in names:
        return node.id
    return str(_literal(node, names) or "")


def _type_of(node: ast.expr | None, action: Action, default: Any) -> str:
    """What a person types. A conversion of the script's own takes text, unless its name or its
    default tells more."""
    if action in ("store_true", "store_false", "optional_bool"):
        return "bool"
    if isinstance(node, ast.Name) and node.id in ("int", "float", "str", "bool"):
        # argparse's type=bool takes any text; what it means to say is a switch.
        return node.id
    if node is not None and ("bool" in ast.unparse(node) or isinstance(default, bool)):
        return "bool"
    if isinstance(node, ast.Lambda) and isinstance(default, (int, float)):
        return type(default).__name__
    return "str"


def _override_defaults(call: ast.Call, options: dict[str, Option], names: dict[str, Any]) -> None:
    for keyword in call.keywords:
        if keyword.arg in options:
            default = _literal(keyword.value, names)
            options[keyword.arg] = replace(options[keyword.arg], default=default)


def _description(tree: ast.Module, calls: list[ast.Call], names: dict[str, Any]) -> str:
    """The parser's description, else the first line of the module's docstring, without a last
    sentence that leads on to the next line ("Run as:")."""
    for call in calls:
        if called_name(call) == "ArgumentParser":
            given = {k.arg: k.value for k in call.keywords}
            text = _literal(given.get("description"), names)
            if isinstance(text, str):
                return text.strip().split("\n")[0]
    line = (ast.get_docstring(tree) or "").strip().split("\n")[0]
    said, _, _ = line.rpartition(". ")
    return f"{said}." if said and line.endswith(":") else line
