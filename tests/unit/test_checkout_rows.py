"""Metric lines: every number, no tensor, valid JSON whatever the values are."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanochat_host.checkout.hook.facts import known_facts
from nanochat_host.checkout.hook.libs import wandb_numbers
from nanochat_host.checkout.hook.rows import MAX_PLANS, Rows


def row(scope: dict[str, Any], parts: dict[str, float] | None = None) -> dict[str, Any]:
    parts = parts or {}
    line = Rows(list(scope), list(parts)).line(scope, 12.5, 7, list(parts.values()))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found: dict[str, Any] = json.loads(line)
    assert (found.pop("ts"), found.pop("kind"), found.pop("step")) == (12.5, "metric", 7)
    return found


def test_names_are_nanochats_where_it_has_one() -> None:
    scope = {"train_loss_f": 2.5, "debiased_smooth_loss": 2.25, "mine": 3}
    assert row(scope, {"time/data": 0.25}) == {
        "train/loss_raw": 2.5,
        "train/loss": 2.25,
        "loop/mine": 3,
        "time/data": 0.25,
    }


def test_of_two_variables_for_one_metric_the_number_has_it() -> None:
    assert row({"train_loss": object(), "train_loss_f": 1.5}) == {"train/loss_raw": 1.5}
    both = row({"train_loss": 2.5, "train_loss_f": 1.5})
    assert both == {"train/loss_raw": 2.5, "loop/train_loss_f": 1.5}


class Tensor:
    """Like a torch tensor: turning it into a number would wait for the device."""

    def __float__(self) -> float:
        raise AssertionError("a tensor was read")

    item = __float__


@pytest.mark.parametrize("value", [Tensor(), True, None, "text", [1], {"a": 1}, 1j])
def test_what_is_no_number_stays_out(value: Any) -> None:
    assert row({"value": value, "x": 1}) == {"loop/x": 1}


def test_no_number_at_all() -> None:
    assert row({"value": None}) == {}
    assert row({}) == {}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (10**25, 1e25),
        (2**53, 2**53),
        (10**400, "inf"),
        (1e308, 1e308),
        (0.1, 0.1),
        (-0.0, 0.0),
    ],
)
def test_extreme_numbers(value: float, written: Any) -> None:
    assert row({"a": value, "b": 1.5}) == {"loop/a": written, "loop/b": 1.5}


def test_finite_values_whose_sum_is_not() -> None:
    assert row({"a": 1.5e308, "b": 1.5e308}) == {"loop/a": 1.5e308, "loop/b": 1.5e308}


@given(st.floats(width=32))
def test_every_float32_survives(value: float) -> None:
    read = row({"a": value})["loop/a"]
    if math.isfinite(value):
        assert struct.unpack("f", struct.pack("f", read)) == (value,)
    else:
        assert str(value) == read


@given(st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.floats(), st.integers(), st.none())))
def test_any_mixture_is_valid_json(scope: dict[str, Any]) -> None:
    assert set(row(scope)) == {f"loop/{k}" for k, v in scope.items() if v is not None}


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    scope = {"a": numpy.float32(1.5), "b": numpy.int64(3), "c": numpy.float64(2.5)}
    assert row({**scope, "d": numpy.zeros(3), "e": numpy.array(1.0)}) == {
        "loop/a": 1.5,
        "loop/b": 3,
        "loop/c": 2.5,
    }


def test_changing_types_do_not_pile_up_templates() -> None:
    rows = Rows([f"v{i}" for i in range(8)], [])
    for i in range(4 * MAX_PLANS):
        scope = {f"v{k}": (1.5 if i >> k & 1 else 1) for k in range(8)}
        assert len(json.loads(rows.line(scope, 0, i, []))) == 11
    assert len(rows._plans) <= MAX_PLANS


def test_reported_names_are_those_of_the_last_line() -> None:
    rows = Rows(["lrm", "late"], ["time/other"])
    rows.line({"lrm": 1.0}, 0, 0, [0.5])
    assert list(rows.reported()) == ["train/lrm", "time/other"]
    rows.line({"lrm": 1.0, "late": 2}, 0, 1, [0.5])
    assert list(rows.reported()) == ["train/lrm", "loop/late", "time/other"]


def test_wandb_data_is_flattened_to_numbers() -> None:
    data = {"step": 3, "val/bpb": 1.5, "text": "x", "t": Tensor(), "core": {"arc": 0.5, "n": "x"}}
    assert wandb_numbers(data) == {"step": 3, "val/bpb": 1.5, "core/arc": 0.5}
    assert wandb_numbers(None) == {}


def test_facts_hold_no_secret_and_no_object() -> None:
    class Args:
        def __init__(self) -> None:
            self.depth, self.api_key = 4, "sk-123"

    scope = {
        "args": Args(),
        "device_type": "cpu",
        "HF_TOKEN": "hf_1",
        "total_tokens": 5,
        "wandb_key": "k",
        "model": object(),
        "_x": 1,
        "long": "x" * 1000,
    }
    facts, args = known_facts(scope)
    assert facts == {"device_type": "cpu", "total_tokens": 5}
    assert args == {"depth": 4}
