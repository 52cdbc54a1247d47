"""Values are written the way each dialect reads them."""

from __future__ import annotations

import argparse
import ast
from typing import Any

import pytest
from nanochat_host.checkout.dialects import command_line
from nanochat_host.checkout.introspect import read_options
from nanochat_host.errors import UsageError

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--eval-every", type=int, default=250)
parser.add_argument("--matrix-lr", type=float, default=0.02)
parser.add_argument("--run", type=str, default="dummy")
parser.add_argument("--fp8", action="store_true")
parser.add_argument("--keep", action="store_false")
parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--recipe", default="a", choices=["a", "b"])
parser.add_argument("-n", type=int, default=1)
parser.add_argument("--tasks", nargs="+")
parser.add_argument("words", nargs="*")
"""
SETTINGS = """
run = "dummy"
eval_every = 250
matrix_lr = 0.02
verbose = False
exec(open("nanochat/configurator.py").read())
"""


def written(source: str, values: dict[str, Any]) -> list[str]:
    found = read_options(source, "x.py")
    return command_line(found.options, values, found.dialect)


@pytest.mark.parametrize(
    "values",
    [
        {"eval_every": 20, "matrix_lr": 0.5, "run": "my run", "fp8": True},
        {"run": "-starts-with-a-dash", "eval_every": -1, "matrix_lr": 1},
        {"keep": False, "compile": False, "recipe": "b", "n": 7},
        {"keep": True, "compile": True, "fp8": False},
        {"tasks": ["one", "two"], "words": ["a", "b"]},
        {"words": ["-x"]},
    ],
)
def test_argparse_reads_back_what_was_meant(values: dict[str, Any]) -> None:
    namespace: dict[str, Any] = {}
    exec(ARGPARSE, namespace)
    parser: argparse.ArgumentParser = namespace["parser"]
    parsed = vars(parser.parse_args(written(ARGPARSE, values)))
    assert {name: parsed[name] for name in values} == values


def test_an_unset_option_is_left_out() -> None:
    assert written(ARGPARSE, {"run": None}) == []


@pytest.mark.parametrize(
    "values",
    [
        {"run": "name", "eval_every": 20, "matrix_lr": 0.5, "verbose": True},
        {"run": "123", "matrix_lr": 8},
        {"run": "None"},
        {"matrix_lr": 1e-9},
    ],
)
def test_the_configurator_gets_the_types_it_insists_on(values: dict[str, Any]) -> None:
    """As nanochat's configurator does it: literal_eval, else text; the type must be the same."""
    defaults = {"run": "dummy", "eval_every": 250, "matrix_lr": 0.02, "verbose": False}
    arguments = written(SETTINGS, values)
    assert len(arguments) == len(values)
    for argument in arguments:
        key, text = argument.split("=")
        name = key.removeprefix("--")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        assert type(value) is type(defaults[name])
        assert value == values[name]


@pytest.mark.parametrize(
    ("source", "values", "says"),
    [
        (ARGPARSE, {"eval_evry": 1}, "did you mean `eval_every`"),
        (ARGPARSE, {"eval_every": 1.5}, "takes int, not 1.5"),
        (ARGPARSE, {"eval_every": True}, "takes int, not True"),
        (ARGPARSE, {"fp8": "yes"}, "takes bool"),
        (ARGPARSE, {"recipe": "c"}, "choose one of a, b"),
        (SETTINGS, {"run": "a=b"}, "cannot hold `=`"),
        (SETTINGS, {"matrix_lr": float("nan")}, "cannot be nan"),
    ],
)
def test_what_the_script_would_refuse_is_refused_here(
    source: str, values: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        written(source, values)
