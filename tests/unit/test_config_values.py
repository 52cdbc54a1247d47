"""Fields, where values come from, and what is said about those that will not do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.checkout.model import Checkout, Option, Stage
from nanochat_host.core.config.categories import CATEGORIES, categories, place
from nanochat_host.core.config.check import check, say
from nanochat_host.core.config.effective import Setting, diff, effective
from nanochat_host.core.config.schema import schema
from nanochat_host.core.config.vocab import vocabulary
from nanochat_host.core.wire_config import CategoryRule, SchemaWish
from nanochat_host.errors import NotFoundError, UsageError

OPTIONS = json.loads((Path(__file__).parents[1] / "data" / "upstream_options.json").read_text())
STAGE = Stage(
    "base_train",
    "scripts.base_train",
    "scripts/base_train.py",
    "argparse",
    [Option(n, f"--{n}", t, d, choices=c) for n, (t, d, c) in OPTIONS["base_train"].items()],
    live=["eval_every"],
)
FOUND = Checkout(Path("somewhere"), [STAGE, Stage("broken", "m", "p", error="line 3: bad")])


@pytest.mark.parametrize(
    ("name", "category", "unit"),
    [
        ("depth", "core", "layers"),
        ("window_pattern", "core", ""),
        ("target_param_data_ratio", "core", "tokens per weight"),
        ("matrix_lr", "optimisation", ""),
        ("warmdown_ratio", "optimisation", "fraction"),
        ("device_batch_size", "optimisation", "rows"),
        ("total_batch_size", "optimisation", "tokens"),
        ("mmlu_epochs", "data", "epochs"),
        ("vocab_size", "data", "tokens"),
        ("eval_tokens", "evaluation", "tokens"),
        ("save_every", "evaluation", "steps"),
        ("run", "telemetry", ""),
        ("hf_token", "auth", ""),
        ("wandb_api_key", "auth", ""),
        ("frobnicate", "other", ""),
    ],
)
def test_a_name_tells_category_and_unit(name: str, category: str, unit: str) -> None:
    assert place(name) == (category, unit)


def test_every_option_of_upstream_has_a_category() -> None:
    names = {name for stage in OPTIONS.values() for name in stage}
    assert len(names) > 60
    homeless = {name for name in names if place(name).category == "other"}
    assert len(homeless) <= len(names) / 10, homeless


def test_packs_add_categories_of_their_own() -> None:
    rule = CategoryRule("megacontext", ["mc_*", "gist_depth"], "MegaContext")
    assert place("mc_enabled", [rule]).category == "megacontext"
    assert place("gist_depth", [rule]) == ("megacontext", "")
    shown = [category.id for category in categories([rule])]
    assert shown == [*(c.id for c in CATEGORIES[:-1]), "megacontext", "other"]


def test_a_schema_is_grouped_and_searched() -> None:
    found = schema(SchemaWish("x", search="batch SIZE"), FOUND)
    assert {f.name for f in found.fields} == {"device_batch_size", "total_batch_size"}
    assert [c.id for c in found.categories] == ["optimisation"]
    whole = schema(SchemaWish("x"), FOUND)
    order = [f.category for f in whole.fields]
    assert order == sorted(order, key=[c.id for c in CATEGORIES].index)
    assert len(whole.fields) == len(STAGE.options)
    assert next(f for f in whole.fields if f.name == "eval_every").live
    assert whole.stages == ["base_train"]
    with pytest.raises(NotFoundError, match="base_train"):
        schema(SchemaWish("x", stage="base_trian"), FOUND)
    with pytest.raises(UsageError, match="line 3"):
        schema(SchemaWish("x", stage="broken"), FOUND)


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("depth", "four", 20),
        ("depth", "12.4", 12),
        ("depth", 0, 1),
        ("depth", True, 20),
        ("total_batch_size", "512k", 524288),
        ("total_batch_size", "524,288", 524288),
        ("total_batch_size", -5, 1),
        ("eval_every", 0, 1),
        ("warmdown_ratio", 1.5, 1.0),
        ("matrix_lr", "-0.1", 0.0),
        ("matrix_lr", float("nan"), 0.02),
        ("matrix_lr", "inf", 0.02),
        ("fp8", "maybe", False),
        ("fp8", "y", True),
        ("fp8_recipe", "tensor", "tensorwise"),
        ("fp8_recipe", "zzz", "rowwise"),
        ("window_pattern", "SSX", "SS"),
        ("window_pattern", "", "SSSL"),
    ],
)
def test_the_nearest_legal_value(name: str, value: Any, nearest: Any) -> None:
    option = next(o for o in STAGE.options if o.name == name)
    _, problem = check(option, value)
    assert problem is not None
    assert problem.nearest == nearest
    assert type(problem.nearest) is type(nearest)
    assert name in say(problem)
    assert check(option, problem.nearest)[1] is None


@pytest.mark.parametrize(
    ("name", "value", "typed"),
    [("depth", "12", 12), ("matrix_lr", 1, 1.0), ("eval_every", -1, -1), ("fp8", "true", True),
     ("num_iterations", "-1", -1), ("window_pattern", "sl", "sl")],
)  # fmt: skip
def test_a_value_that_will_do(name: str, value: Any, typed: Any) -> None:
    option = next(o for o in STAGE.options if o.name == name)
    found, problem = check(option, value)
    assert problem is None
    assert found == typed
    assert type(found) is type(typed)


def test_a_scripts_own_default_is_always_good() -> None:
    for stage in OPTIONS.values():
        for name, (kind, default, choices) in stage.items():
            if default is not None:
                assert check(Option(name, "", kind, default, choices=choices), default)[1] is None


def test_a_default_outside_its_own_choices_stays_out_of_the_command() -> None:
    odd = Option("device_type", "--device-type", "str", "", choices=["cuda", "cpu"])
    stage = Stage("chat_eval", "m", "p", "argparse", [odd])
    config = effective(stage, {}, {"device_type": ""})
    assert (config.problems, config.changed()) == ([], {})
    assert effective(stage, {}, {"device_type": "cpu"}).changed() == {"device_type": "cpu"}


def test_sources_and_problems_of_effective_values() -> None:
    prefab = {
        "depth": Setting(12, "prefab:a", "a.yaml:3"),
        "depht": Setting(1, "prefab:a", "a.yaml:4"),
        "fp8": Setting("maybe", "prefab:a", "a.yaml:5"),
        "save_every": Setting(5, "prefab:a", "a.yaml:6"),
    }
    config = effective(STAGE, prefab, {"matrix-lr": "0.1", "save_every": None, "no": 1})
    values = {v.name: (v.value, v.source) for v in config.values}
    assert values["depth"] == (12, "prefab:a")
    assert values["matrix_lr"] == (0.1, "set")
    assert values["save_every"] == (-1, "default")
    assert values["fp8"] == (False, "default")
    problems = {p.name: p for p in config.problems}
    assert set(problems) == {"depht", "fp8", "no"}
    assert (problems["depht"].where, problems["depht"].suggestion) == ("a.yaml:4", "depth")
    assert say(problems["depht"]).startswith("a.yaml:4: `depht`")
    assert [row.name for row in diff(effective(STAGE, {}, {}).values, config.values)] == [
        "depth",
        "matrix_lr",
    ]
    assert config.changed() == {"depth": 12, "matrix_lr": 0.1}


def test_the_vocabulary_is_what_the_tokenizer_has(tmp_path: Path) -> None:
    import zipfile

    assert vocabulary(tmp_path) == (32768, False)
    assert vocabulary(tmp_path, 4096) == (4096, False)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "token_bytes.pt").write_bytes(b"cut off")
    assert vocabulary(tmp_path, 4096) == (4096, False)
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0, "b": 1}}}')
    assert vocabulary(tmp_path) == (2, True)
    with zipfile.ZipFile(folder / "token_bytes.pt", "w") as archive:
        archive.writestr("token_bytes/data.pkl", b"")
        archive.writestr("token_bytes/data/0", bytes(4 * 597))
    assert vocabulary(tmp_path, 1024) == (597, True)
