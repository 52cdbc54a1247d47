"""Options of panels against what pack.toml says of them."""

from __future__ import annotations

from typing import Any

import pytest
from nanochat_sdk.errors import ManifestError, OptionError
from nanochat_sdk.manifest import OptionSpec, option_errors, parse_manifest, resolve_options

SPECS = {
    "word": OptionSpec("str", "hi", "h"),
    "count": OptionSpec("int", 3, "h", min=1, max=9),
    "ratio": OptionSpec("float", 1, "h", min=0),
    "loud": OptionSpec("bool", False, "h"),
    "x": OptionSpec("str", "step", "h", choices=["step", "time", "tokens"]),
    "metric": OptionSpec("metric", "train/loss", "h"),
    "metrics": OptionSpec("metrics", [], "h"),
}


def test_defaults_fill_in_and_whole_numbers_serve_as_floats() -> None:
    options = resolve_options(SPECS, {"count": 4, "metrics": ["a", "b"]})
    assert options == {
        "word": "hi",
        "count": 4,
        "ratio": 1.0,
        "loud": False,
        "x": "step",
        "metric": "train/loss",
        "metrics": ["a", "b"],
    }
    assert isinstance(options["ratio"], float)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("wrod", 1, "`wrod` is not an option of this panel; did you mean `word`?"),
        ("zzz", 1, "`zzz` is not an option of this panel"),
        ("word", 1, "`word` must be text, not 1"),
        ("word", "x" * 5000, "`word` must be text, not "),
        ("count", "4", "`count` must be a whole number, not '4'"),
        ("count", 4.0, "`count` must be a whole number, not 4.0"),
        ("count", True, "`count` must be a whole number, not True"),
        ("count", 2**70, "`count` must be a whole number, not "),
        ("count", 0, "`count` must be at least 1, not 0"),
        ("count", 10, "`count` must be at most 9, not 10"),
        ("ratio", float("nan"), "`ratio` must be a finite number, not nan"),
        ("ratio", 10**400, "`ratio` must be a finite number, not 1000"),
        ("ratio", -1, "`ratio` must be at least 0, not -1"),
        ("loud", 1, "`loud` must be true or false, not 1"),
        ("x", "stepp", "must be one of step, time, tokens, not 'stepp'; did you mean `step`?"),
        ("metric", ["a"], "`metric` must be the name of a metric, not ['a']"),
        ("metrics", "a", "`metrics` must be a list of names of metrics, not 'a'"),
        ("metrics", [1], "`metrics` must be a list of names of metrics, not [1]"),
    ],
)
def test_a_wrong_option_says_what_fits(key: str, value: Any, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        resolve_options(SPECS, {key: value})
    assert message in str(caught.value)
    assert caught.value.key == key


def test_all_errors_can_be_had_at_once() -> None:
    errors = option_errors(SPECS, {"count": 0, "word": "fine", "nope": 1, "loud": "yes"})
    assert [error.key for error in errors] == ["count", "nope", "loud"]
    assert option_errors(SPECS, {}) == []


MANIFEST = """
id = "m"
version = "1"
protocol = 1
title = "T"
[[panels]]
id = "p"
entry = "m:P"
title = "P"
help = "h"
[panels.options]
n = { OPTION, help = "h" }
"""


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ('type = "int", default = "x"', "default of option `n` must be a whole number"),
        ('type = "int", default = 5, max = 4', "default of option `n` must be at most 4"),
        ('type = "str", default = "x", choices = ["y"]', "default of option `n` must be one of y"),
        ('type = "str", default = "x", min = 1', "min and max need a number"),
        ('type = "colour", default = "x"', "Invalid enum value 'colour'"),
    ],
)
def test_a_manifest_whose_default_does_not_fit_is_refused(option: str, why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        parse_manifest(MANIFEST.replace("OPTION", option).encode())


def test_a_panel_declared_twice_is_refused() -> None:
    text = MANIFEST.replace("OPTION", 'type = "int", default = 1')
    panels = text[text.index("[[panels]]") :]
    with pytest.raises(ManifestError, match="panel `p` is declared twice"):
        parse_manifest((text + panels).encode())
