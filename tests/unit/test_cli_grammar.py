"""Every verb explains itself, answers as JSON, and refuses what it does not know."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest
from nanochat_host.cli import build_parser, main
from nanochat_host.verbs.common import parse_pairs, parse_value
from nanochat_host.verbs.completion import words_by_path
from nanochat_host.verbs.output import printable, table

ROOT = Path(__file__).resolve().parents[2]


def leaves(parser: argparse.ArgumentParser, path: str = "") -> dict[str, argparse.ArgumentParser]:
    """Every verb that does something, by its path ("run start")."""
    out: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                out.update(leaves(sub, f"{path} {name}".strip()))
    return out or {path: parser}


LEAVES = leaves(build_parser())


@pytest.mark.parametrize("path", LEAVES)
def test_a_verb_has_json_help_and_an_example_that_parses(path: str) -> None:
    parser = LEAVES[path]
    assert "--json" in parser.format_help()
    assert all(action.help for action in parser._actions if action.option_strings)
    examples = [
        line.strip() for line in (parser.epilog or "").splitlines() if "nanochat-cli" in line
    ]
    assert examples
    for example in examples:
        words = shlex.split(re.sub(r"\s*>.*", "", example))[1:]
        assert build_parser().parse_args(words).handler is not None
        assert " ".join(words).startswith(path)


@pytest.mark.parametrize("path", LEAVES)
def test_a_verb_is_in_the_readme_and_in_a_test(path: str) -> None:
    readme = (ROOT / "README.md").read_text().replace("\\|", "|")
    words = path.split()
    rows = [line for line in readme.splitlines() if line.startswith(f"| `{words[0]}")]
    assert any(re.search(rf"[ |]{words[-1]}\b", row.replace("`", " ")) for row in rows), path
    tests = "\n".join(p.read_text() for p in ROOT.glob("tests/**/test_*.py"))
    assert re.search(r'"' + '", "'.join(map(re.escape, words)) + '"', tests), path


def test_completion_knows_every_verb() -> None:
    tree = words_by_path(build_parser())
    assert {"start", "stop", "save", "patch"} <= set(tree["run"])
    assert "--mode" in tree["run stop"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert "nanochat-cli" in answer["script"]
    assert main(["completion", shell]) == 0


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ("trian", "there is no `trian`", "`nanochat-cli --help`"),
        ("--layot x", "there is no option `--layot`", "did you mean `--layout`?"),
        ("--layout x --rnu=y", "there is no option `--rnu`", "did you mean `--run`?"),
        ("run strat", "run: there is no `strat`", "did you mean `start`?"),
        ("run list --bogus=1", "run list: there is no option `--bogus`", "run list --help`"),
        ("run start --chekout x", "run start: there is no option `--chekout`", "`--checkout`?"),
        ("run list a b", "run list: `a` is one word too many", "run list --help`"),
        ("run show", "run show: run is missing", "run show --help`"),
        ("run stop --mode bad", "--mode cannot be `bad`: choose from save, term, kill", "--help`"),
        ("chat --top-k x", "-k/--top-k: invalid int value: 'x'", "chat --help`"),
    ],
)
def test_a_mistyped_command_line_is_told_by_its_own_verb(
    words: str, said: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert said in error["message"] and hint in error["hint"]
    assert main(words.split()) == 2
    assert capsys.readouterr().err.startswith(f"nanochat-cli: {error['message']}\n")


def test_without_a_terminal_the_tui_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--headless" in capsys.readouterr().err


def test_errors_are_json_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layout", "show", "no-such-layout", "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert "no-such-layout" in error["message"]


def test_pairs_keep_text_and_values_are_typed() -> None:
    assert parse_pairs(["depth=4", "model-tag=007", "x=a=b"]) == {
        "depth": "4", "model_tag": "007", "x": "a=b",
    }  # fmt: skip
    assert [parse_value(t) for t in ("5", "0.5", "true", "adam")] == [5, 0.5, True, "adam"]


def test_nothing_printed_commands_the_terminal() -> None:
    assert "\x1b" not in printable("\x1b]0;gotcha\x07\x9b31m")
    assert printable("a\u202eb\u2066c\u2028d\udcff") == "a·b·c·d·"
    assert table(["A", "B"], [["1", "22"]]) == ["A  B", "1  22"]
