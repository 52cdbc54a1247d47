"""Prefabs as files: shipped ones fit, mistakes have their place, edits keep what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nanochat_host.checkout.model import Option, Stage
from nanochat_host.checkout.stages import read_checkout
from nanochat_host.core.checkouts import builtin_path
from nanochat_host.core.config.effective import effective
from nanochat_host.core.planner.gpus import gpu_named
from nanochat_host.core.planner.inputs import Checkout
from nanochat_host.core.planner.plan import make_plan
from nanochat_host.core.prefab_file import edited, read_prefab
from nanochat_host.core.prefabs import Prefabs, machine_of, merged
from nanochat_host.errors import ConfigFileError, NotFoundError, RefusedError
from nanochat_host.paths import Paths

SHIPPED = ["$10", "$100", "$1000", "cpu-laptop", "gpu-24gb", "gpu-40gb", "gpu-80gb", "speedrun"]
OPTIONS = json.loads((Path(__file__).parents[1] / "data" / "upstream_options.json").read_text())


def upstream(stage: str) -> Stage:
    """A stage with the options upstream's source declares."""
    options = [Option(n, "", t, d, choices=c) for n, (t, d, c) in OPTIONS[stage].items()]
    return Stage(stage, stage, stage, "argparse", options)


@pytest.fixture
def prefabs(tmp_path: Path) -> Prefabs:
    (tmp_path / "prefabs").mkdir()
    return Prefabs(Paths(tmp_path))


def own(prefabs: Prefabs, name: str, text: str) -> Path:
    path = prefabs.own_file(name)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_prefab_fits_upstream(prefabs: Prefabs, name: str) -> None:
    for stage, settings in merged(prefabs.chain(name)).items():
        config = effective(upstream(stage), settings, {})
        assert config.problems == []
        assert config.changed().keys() == settings.keys()


def test_the_demos_prefab_fits_the_embedded_checkout(prefabs: Prefabs) -> None:
    path = builtin_path()
    assert path is not None
    stages = {stage.name: stage for stage in read_checkout(path).stages}
    for stage, settings in merged(prefabs.chain("tiny-demo")).items():
        assert effective(stages[stage], settings, {}).problems == []


@pytest.mark.parametrize(
    ("name", "dollars"), [("$10", 10), ("$100", 100), ("$1000", 1000), ("speedrun", 100)]
)
def test_a_price_in_a_name_is_kept(prefabs: Prefabs, name: str, dollars: float) -> None:
    chain = prefabs.chain(name)
    gpu, count = machine_of(chain)
    options = effective(upstream("base_train"), merged(chain)["base_train"], {}).options()
    kind = gpu_named(gpu)
    assert kind is not None
    plan = make_plan(options, Checkout(), vocab=32768, world=count, gpu=kind)
    assert dollars / 3 < plan.value("usd") < dollars
    assert plan.fits
    assert plan.value("grad_accum_steps") >= 1


@pytest.mark.parametrize("name", ["gpu-24gb", "gpu-40gb", "gpu-80gb"])
def test_the_ladder_fits_its_cards(prefabs: Prefabs, name: str) -> None:
    chain = prefabs.chain(name)
    gpu, count = machine_of(chain)
    kind = gpu_named(gpu)
    assert kind is not None
    assert kind.memory_bytes >> 30 == int(name[4:6])
    options = effective(upstream("base_train"), merged(chain)["base_train"], {}).options()
    plan = make_plan(options, Checkout(), vocab=32768, world=count, gpu=kind)
    assert plan.fits
    assert plan.value("grad_accum_steps") >= 1
    if not kind.sliding:
        assert options["window_pattern"] == "L"


@pytest.mark.parametrize(
    ("text", "line", "key", "near"),
    [
        ("version: 1\nstage:\n  base_train: {}\n", 2, "stage", "stages"),
        ("version: 2\n", 1, "version", ""),
        ("version: 1\ngpus: many\n", 2, "gpus", ""),
        ("version: 1\nstages:\n  base_train:\n    depth:\n      x: 1\n", 4, "depth", ""),
        ("version: 1\nstages:\n  base_train: 3\n", 3, "base_train", ""),
        ("version: 1\ntitle: a\ntitle: b\n", 3, "", ""),
        ("version: 1\nstages: [\n", 3, "", ""),
        ("- a\n- b\n", 1, "", ""),
        ("", 1, "", ""),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, text: str, line: int, key: str, near: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        read_prefab(path, "p")
    assert (caught.value.line, caught.value.key, caught.value.near) == (line, key, near)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a: " + b"x" * 70_000, b"a: !!python/object:os x"])
def test_a_file_that_is_no_prefab_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigFileError, match=r"p\.yaml"):
        read_prefab(path, "p")


def test_extends_holds_the_difference_only(prefabs: Prefabs) -> None:
    own(prefabs, "base", "version: 1\nstages:\n  base_train: {depth: 4, save_every: 9}\n")
    own(prefabs, "top", "version: 1\nextends: base\nstages:\n  base_train: {depth: 6}\n")
    settings = merged(prefabs.chain("top"))["base_train"]
    assert {name: s.value for name, s in settings.items()} == {"depth": 6, "save_every": 9}
    assert settings["depth"].source == "prefab:top"
    assert settings["save_every"].source == "prefab:base"
    with pytest.raises(RefusedError, match="top"):
        prefabs.delete("base")


def test_a_circle_and_a_missing_base_are_named(prefabs: Prefabs) -> None:
    own(prefabs, "a", "version: 1\nextends: b\n")
    own(prefabs, "b", "version: 1\nextends: a\n")
    with pytest.raises(ConfigFileError, match="a > b > a"):
        prefabs.chain("a")
    own(prefabs, "c", "version: 1\nextends: speedrnu\n")
    with pytest.raises(ConfigFileError, match="speedrun"):
        prefabs.chain("c")
    errors = {info.name: info.error for info in prefabs.all()}
    assert "circle" in errors["a"]
    assert "speedrun" in errors["c"]
    assert errors["speedrun"] == ""


def test_a_dollar_may_be_left_out_and_a_name_nearly_right(prefabs: Prefabs) -> None:
    assert prefabs.origin("100")[0] == "$100"
    with pytest.raises(NotFoundError, match="speedrun"):
        prefabs.origin("spedrun")


def test_an_edit_keeps_comments_order_and_quotes(tmp_path: Path) -> None:
    text = (
        "# top\nversion: 1\nstages:\n  base_train:\n"
        "    window-pattern: 'L'  # full\n    depth: 4\n\n  # later\n  chat_sft:\n    x: 1\n"
    )
    new = edited(tmp_path / "p", text, "base_train", {"depth": 5, "window_pattern": "SL"}, [], {})
    assert "# top\n" in new
    assert "# full" in new
    assert "# later" in new
    assert "window-pattern: 'SL'" in new
    assert new.index("window-pattern") < new.index("depth: 5") < new.index("chat_sft")
    assert edited(tmp_path / "p", text, "base_train", {}, [], {}) == text
    gone = edited(tmp_path / "p", text, "chat_sft", {}, ["x"], {"title": "t"})
    assert "chat_sft" not in gone
    assert "title: t" in gone


def test_a_save_is_all_or_nothing(prefabs: Prefabs) -> None:
    saved = prefabs.save("mine", "base_train", {"depth": 3}, [], extends="speedrun", title="m")
    assert (saved.extends, saved.title) == ("speedrun", "m")
    before = saved.path.read_text()
    with pytest.raises(NotFoundError):
        prefabs.save("mine", "base_train", {"depth": 4}, [], extends="nothing")
    with pytest.raises(RefusedError, match="circle"):
        prefabs.save("mine", "base_train", {}, [], extends="mine")
    with pytest.raises(RefusedError, match="shipped"):
        prefabs.save("speedrun", "base_train", {"depth": 4}, [])
    assert saved.path.read_text() == before
    assert [p.name for p in saved.path.parent.iterdir()] == ["mine.yaml"]
