"""Options are read from a script's source, in both dialects, without running it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.checkout.dialects import command_line
from nanochat_host.checkout.introspect import options_of, read_options
from nanochat_host.checkout.model import Option
from nanochat_host.checkout.own_modules import OwnModules


def option(call: str, before: str = "") -> Option:
    source = f"import argparse\n{before}\nparser = argparse.ArgumentParser()\nparser.{call}\n"
    (found,) = read_options(source, "script.py").options
    return found


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            "add_argument('--depth', type=int, default=20, help='layers')",
            {"name": "depth", "flag": "--depth", "type": "int", "default": 20, "help": "layers"},
        ),
        (
            "add_argument('--eval-tokens', type=int, default=80*524288)",
            {"name": "eval_tokens", "flag": "--eval-tokens", "default": 80 * 524288},
        ),
        (
            "add_argument('--target-flops', type=float, default=-1.0)",
            {"type": "float", "default": -1.0},
        ),
        (
            "add_argument('--recipe', type=str, default='a', choices=['a', 'b'])",
            {"type": "str", "choices": ["a", "b"]},
        ),
        (
            "add_argument('--fp8', action='store_true')",
            {"type": "bool", "default": False, "action": "store_true"},
        ),
        (
            "add_argument('--no-fp8', action='store_false', dest='fp8')",
            {"name": "fp8", "flag": "--no-fp8", "default": True, "action": "store_false"},
        ),
        (
            "add_argument('--compile', action=argparse.BooleanOptionalAction, default=True)",
            {"type": "bool", "default": True, "action": "optional_bool"},
        ),
        (
            "add_argument('-i', '--source', type=str, required=True)",
            {"name": "source", "flag": "--source", "required": True},
        ),
        ("add_argument('-n', type=int, default=4)", {"name": "n", "flag": "-n", "default": 4}),
        (
            "add_argument('path', help='a file')",
            {"name": "path", "flag": "", "action": "positional", "required": True},
        ),
        ("add_argument('path', nargs='?', default='x')", {"required": False, "default": "x"}),
        ("add_argument('--tasks', nargs='+')", {"action": "repeated", "type": "str"}),
        (
            "add_argument('--flag', type=lambda s: s == 'true', default=True)",
            {"type": "bool", "default": True, "action": "value"},
        ),
        (
            "add_argument('--big', type=lambda s: int(float(s)), default=2e9)",
            {"type": "float", "default": 2e9},
        ),
        ("add_argument('--on', type=str2bool, default=False)", {"type": "bool", "default": False}),
        ("add_argument('--run', type=str, default=os.environ.get('RUN'))", {"default": None}),
        ("add_argument('--x', type=int, default=int(1e6))", {"default": 1_000_000}),
    ],
)
def test_argparse_calls(call: str, expected: dict[str, Any]) -> None:
    found = option(call)
    assert {name: getattr(found, name) for name in expected} == expected


def test_defaults_may_use_constants_of_the_module() -> None:
    before = "SEQ = 512\nBATCH = SEQ * 8"
    assert option("add_argument('--tokens', type=int, default=BATCH // 2)", before).default == 2048


def test_options_of_a_group_and_of_a_parser_made_in_a_function() -> None:
    source = """
def build():
    parser = argparse.ArgumentParser(description="Trains.")
    group = parser.add_argument_group("model")
    group.add_argument("--depth", type=int, default=4)
    parser.add_argument("--version", action="version", version="1")
    parser.set_defaults(depth=6)
    return parser
"""
    found = read_options(source, "x.py")
    assert (found.dialect, found.help) == ("argparse", "Trains.")
    assert [(o.name, o.default, o.line) for o in found.options] == [("depth", 6, 5)]


CONFIGURATOR = '''"""
Train it. Run as:
"""
import os
run = "dummy" # the run's name
depth = 20
eval_tokens = 20*524288 # tokens to evaluate on
dropout: float = 0.0
use_it = False # a switch
tag = None
shape = (1, 2)
dtype = torch.float32
_hidden = 3
config_keys = [k for k in globals()]
exec(open(os.path.join('nanochat', 'configurator.py')).read()) # overrides
after = 5
'''


def test_configurator_settings() -> None:
    found = read_options(CONFIGURATOR, "train.py")
    assert (found.dialect, found.help) == ("configurator", "Train it.")
    assert [(o.name, o.flag, o.type, o.default, o.help) for o in found.options] == [
        ("run", "--run", "str", "dummy", "the run's name"),
        ("depth", "--depth", "int", 20, ""),
        ("eval_tokens", "--eval_tokens", "int", 20 * 524288, "tokens to evaluate on"),
        ("dropout", "--dropout", "float", 0.0, ""),
        ("use_it", "--use_it", "bool", False, "a switch"),
        ("tag", "--tag", "str", None, ""),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "from lib.configurator import get_config\nnew = get_config(keys)",
        "import lib.configurator as conf\nglobals().update(conf.read(globals()))",
        "from lib import configurator\nconfigurator.apply(globals())",
        "with open('lib/configurator.py') as f:\n    exec(f.read())",
    ],
)
def test_other_ways_to_call_a_configurator(line: str) -> None:
    found = read_options(f"import os\ndepth = 4 # layers\n{line}\nafter = 5\n", "train.py")
    assert found.dialect == "configurator"
    assert [(o.name, o.help) for o in found.options] == [("depth", "layers")]


def test_a_script_without_options() -> None:
    found = read_options('"""Looks at things."""\nprint(1)\n', "x.py")
    assert (found.dialect, found.options, found.help) == ("none", [], "Looks at things.")


def test_expressions_that_would_be_huge_are_left_alone() -> None:
    assert option("add_argument('--x', default='ab' * 10**9)").default is None
    assert option("add_argument('--x', default=9**9**9)").default is None
    assert option("add_argument('--x', default=1/0)").default is None


def test_a_syntax_error_is_the_callers_to_report() -> None:
    with pytest.raises(SyntaxError):
        read_options("def broken(:\n", "x.py")


def test_two_flags_for_one_value_are_one_switch() -> None:
    source = (
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--fused', action='store_true', default=True, help='in one kernel')\n"
        "p.add_argument('--plain', dest='fused', action='store_false')\n"
    )
    (found,) = read_options(source, "x.py").options
    assert (found.flag, found.off, found.default, found.help) == (
        "--fused", "--plain", True, "in one kernel",
    )  # fmt: skip
    assert command_line([found], {"fused": False}, "argparse") == ["--plain"]
    assert command_line([found], {"fused": True}, "argparse") == ["--fused"]


def test_a_script_of_several_programs_asks_which_one() -> None:
    source = (
        "import argparse\np = argparse.ArgumentParser()\ns = p.add_subparsers(dest='program')\n"
        "a = s.add_parser('fit')\na.add_argument('--steps', type=int)\n"
        "b = s.add_parser('plot')\nb.add_argument('--dpi', type=int)\n"
    )
    options = read_options(source, "x.py").options
    assert options[0].choices == ["fit", "plot"] and options[0].required
    argv = command_line(options, {"steps": 3, "program": "fit"}, "argparse")
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    parsed = namespace["p"].parse_args(argv)
    assert (parsed.program, parsed.steps) == ("fit", 3)


def test_a_configurator_that_is_opened_by_hand() -> None:
    source = (
        "depth = 4  # layers\n"
        "with open(os.path.join('lib', 'configurator.py')) as f:\n    exec(f.read())\n"
    )
    found = read_options(source, "x.py")
    assert found.dialect == "configurator"
    assert [(o.name, o.default, o.help) for o in found.options] == [("depth", 4, "layers")]


@pytest.mark.parametrize(
    ("call", "before", "expected"),
    [
        ("add_argument('--t', choices=list(T))", "T = {'a': f, 'b': 2}", {"choices": ["a", "b"]}),
        ("add_argument('--t', choices=T.keys())", "T = {'a': f}", {"choices": ["a"]}),
        ("add_argument('--t', choices=sorted(T))", "T = ('b', 'a')", {"choices": ["a", "b"]}),
        ("add_argument('--t', default=T)", "T = {'a': f}", {"default": None}),
        ("add_argument('--o', type=Path, default=Path('out'))", "", {"default": "out"}),
        ("add_argument('--n', default=N)", "N: int = 3", {"default": 3}),
        ("add_argument('--x', help=f'{9e12:.1e} at most')", "", {"help": "9.0e+12 at most"}),
        ("add_argument('--x', help=f'{1:999999999}')", "", {"help": "…"}),
        ("add_argument('--x', help='one of ' + ', '.join(T))", "T = ['a']", {"help": "one of a"}),
        ("add_argument('--x', help='one of ' + ask())", "", {"help": "one of …"}),
    ],
)
def test_what_is_worked_out_from_the_source(
    call: str, before: str, expected: dict[str, Any]
) -> None:
    found = option(call, before)
    assert {name: getattr(found, name) for name in expected} == expected


def test_constants_and_declarations_of_the_checkouts_own_modules(tmp_path: Path) -> None:
    library = tmp_path / "my_library"
    library.mkdir()
    (library / "__init__.py").write_text("LIMIT = 7\n")
    (library / "modes.py").write_text("MODES = ['a', 'b']\n")
    (library / "words.py").write_text(
        "DEPTH = 4\n"
        "def common(parser):\n    parser.add_argument('--depth', type=int, default=DEPTH)\n"
        "def never(parser):\n    parser.add_argument('--never')\n"
    )
    (library / "broken.py").write_text("MODES = [\n")
    source = (
        "import argparse\n"
        "from my_library import LIMIT\n"
        "from my_library.modes import MODES as CHOICES\n"
        "from my_library.words import common, never\n"
        "from my_library.broken import MODES\n"
        "from elsewhere import SIZES\n"
        "parser = argparse.ArgumentParser()\n"
        "common(parser)\n"
        "parser.add_argument('--mode', choices=CHOICES, default=MODES)\n"
        "parser.add_argument('--limit', type=int, default=LIMIT)\n"
        "parser.add_argument('--size', choices=SIZES)\n"
    )
    found = options_of(ast.parse(source), source, OwnModules(tmp_path)).options
    assert [(o.name, o.default, o.choices) for o in found] == [
        ("mode", None, ["a", "b"]),
        ("limit", 7, None),
        ("size", None, None),
        ("depth", 4, None),
    ]


def test_a_parser_that_is_made_in_a_module_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(
        "import argparse\ndef get_args():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--depth', type=int)\n    return parser.parse_args()\n"
    )
    source = "from words import get_args\nargs = get_args()\n"
    found = options_of(ast.parse(source), source, OwnModules(tmp_path))
    assert (found.dialect, [o.name for o in found.options]) == ("argparse", ["depth"])


@pytest.mark.parametrize(
    ("imports", "named"),
    [
        ("import click", "click"),
        ("from hydra.core import config_store", "hydra"),
        ("from transformers import HfArgumentParser", "HfArgumentParser"),
        ("from .click import x", ""),
        ("import torch", ""),
    ],
)
def test_a_script_whose_parser_is_not_read_says_so(imports: str, named: str) -> None:
    found = read_options(f'"""Trains."""\n{imports}\n', "train.py")
    assert (found.dialect, found.options) == ("none", [])
    note = f" (its options are declared with {named}, which is not read)"
    assert found.help == "Trains." + note * bool(named)
