"""The side form's fields come from the schema, and say what is wrong with a value."""

from __future__ import annotations

import pytest
from nanochat_host.layout.spec import Placement
from nanochat_host.ui.edit.fields import completed, completions, fields_of, parse, with_value
from nanochat_sdk.manifest import OptionSpec, PanelManifest

MANIFEST = PanelManifest(
    id="p", entry="p:P", title="Own title", help="", refresh_hz=4,
    options={
        "weight": OptionSpec("float", 0.5, "A weight.", min=0, max=1),
        "count": OptionSpec("int", 3, "How many.", min=1, max=1_000_000),
        "on": OptionSpec("bool", True, "Whether."),
        "axis": OptionSpec("str", "step", "Which.", choices=["step", "time"]),
        "names": OptionSpec("metrics", [], "Metrics."),
        "words": OptionSpec("str", "", "Any."),
    },
)  # fmt: skip
PLACED = Placement("p", "x:p", options={k: s.default for k, s in MANIFEST.options.items()})
FIELDS = {field.key: field for field in fields_of(PLACED, MANIFEST)}


def test_every_option_is_a_field_with_its_help_and_range() -> None:
    keys = ["options.weight", "options.count", "options.on", "options.axis", "options.names",
            "options.words", "title", "refresh_hz", "source"]  # fmt: skip
    assert list(FIELDS) == keys
    assert FIELDS["options.count"].help == "How many. From 1 to 1,000,000."
    assert [FIELDS[key].shown for key in ("title", "refresh_hz", "source")] == [
        "Own title", "4 (its own)", "the run on show",
    ]  # fmt: skip
    assert FIELDS["options.on"].picks == (False, True)
    assert FIELDS["options.axis"].picks == ("step", "time")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("options.weight", " 0.25 ", 0.25), ("options.count", "7", 7), ("options.on", "no", False),
        ("options.axis", "time", "time"), ("options.names", "a, b,,c ", ["a", "b", "c"]),
        ("title", "T", "T"), ("refresh_hz", "2.5", 2.5), ("source", "", ""),
    ],
)  # fmt: skip
def test_texts_become_values(key: str, text: str, value: object) -> None:
    assert parse(FIELDS[key], text, MANIFEST) == value
    changed = with_value(PLACED, key, value)
    field = next(f for f in fields_of(changed, MANIFEST) if f.key == key)
    assert field.value == value and field.changed == (value != field.default)


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("options.weight", "2", "at most 1"), ("options.weight", "nan", "finite"),
        ("options.count", "1.5", "whole number"), ("options.count", "0", "at least 1"),
        ("options.on", "maybe", "yes or no"), ("options.axis", "tiem", "did you mean time"),
        ("refresh_hz", "61", "from 0 to 60"), ("refresh_hz", "nan", "from 0 to 60"),
        ("title", "x" * 61, "60 characters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(key: str, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(FIELDS[key], text, MANIFEST)


def test_names_are_completed_one_at_a_time() -> None:
    known = ["train/loss", "train/lr", "val/bpb", "raw_train"]
    field = FIELDS["options.names"]
    assert completions(field, "val/bpb, tr", known) == ["train/loss", "train/lr", "raw_train"]
    assert completed(field, "val/bpb, tr", "train/lr") == "val/bpb, train/lr"
    assert completed(FIELDS["source"], "run", "run-1") == "run-1"
