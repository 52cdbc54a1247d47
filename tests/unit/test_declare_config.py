"""Options, categories, prefabs and layouts of packs: there while the pack is, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nanochat_host.checkout.dialects import command_line
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.config.service import Configs
from nanochat_host.core.declared_problems import declared_problems
from nanochat_host.core.options import fit
from nanochat_host.core.wire import AddCheckout
from nanochat_host.core.wire_config import ConfigWish, SchemaWish
from nanochat_host.declaring import PACKS_VARIABLE, Declaring
from nanochat_host.errors import RefusedError
from nanochat_host.layout.find import is_shipped, list_layouts
from nanochat_host.paths import Paths
from nanochat_sdk.data import MachineFacts

SCRIPT = """
depth = 20
mc_enabled = 0 # controller
kind = "simple"
mc_length = None
weight = 0.5
exec(open('nanochat/configurator.py').read())
"""
PACK = """
id = "%s"
version = "1"
protocol = 1
title = "MC"
declarations = ["more.toml"]
[[layouts]]
file = "layouts/%s.toml"
[[prefabs]]
file = "prefabs/%s.yaml"
[[config.categories]]
id = "mega"
title = "Mega"
options = ["mc_*", "kind"]
[launch]
requires = ["mc_enabled"]
[[launch.flags]]
option = "kind"
values = ["greedy", "stochastic_greedy"]
help = "How it picks."
[[launch.flags]]
option = "mc_enabled"
values = [0, 1]
[[launch.flags]]
option = "mc_length"
type = "int"
unit = "tokens"
min = 1
[[launch.flags]]
option = "depth"
max = 12
"""


class House:
    """A home with two checkouts, of which one is the fork, and packs in folders."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.paths = root, Paths(root / "home")
        monkeypatch.setenv("NANOCHAT_CLI_HOME", str(self.paths.home))
        monkeypatch.setenv(PACKS_VARIABLE, str(root / "packs"))
        (root / "packs").mkdir()
        self.checkouts = Checkouts(self.paths)
        for name, text in (("fork", SCRIPT), ("plain", "depth = 20\n" + SCRIPT[-48:])):
            (root / name / "scripts").mkdir(parents=True)
            (root / name / "scripts" / "base_train.py").write_text(text)
            self.checkouts.add(AddCheckout(str(root / name)))
        self.configs = Configs(self.paths, self.checkouts, MachineFacts)

    def pack(self, name: str) -> Path:
        folder = self.root / "packs" / name
        for sub in ("layouts", "prefabs"):
            (folder / sub).mkdir(parents=True)
        (folder / "pack.toml").write_text(PACK % (name, name, name))
        (folder / "more.toml").write_text("")
        (folder / "layouts" / f"{name}.toml").write_text("version = 1\n")
        prefab = "version: 1\nstages:\n  base_train:\n    mc_enabled: true\n"
        (folder / "prefabs" / f"{name}.yaml").write_text(prefab)
        return folder

    def problems(self, checkout: str = "fork", **options: object) -> list[str]:
        wish = ConfigWish(checkout=checkout, options=options)
        return [f"{p.name} {p.message}: {p.nearest}" for p in self.configs.show(wish).problems]

    def values(self, prefab: str = "", **options: object) -> dict[str, object]:
        wish = ConfigWish(checkout="fork", options=options, prefab=prefab)
        return {v.name: v.value for v in self.configs.show(wish).values}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


def test_options_are_explained_grouped_and_limited(house: House) -> None:
    house.pack("mc")
    found = house.configs.schema(SchemaWish("fork"))
    fields = {field.name: field for field in found.fields}
    assert [c.title for c in found.categories if c.id == "mega"] == ["Mega"]
    assert fields["kind"].category == fields["mc_length"].category == "mega"
    assert (fields["kind"].help, fields["kind"].choices) == (
        "How it picks.", ["greedy", "stochastic_greedy"],
    )  # fmt: skip
    assert (fields["mc_length"].type, fields["mc_length"].unit) == ("int", "tokens")
    assert fields["mc_length"].lo == 1 and fields["mc_enabled"].help == "controller"


def test_illegal_values_are_refused_with_the_nearest_legal_one(house: House) -> None:
    house.pack("mc")
    assert house.problems(kind="gredy") == [
        "kind is one of greedy, stochastic_greedy (pack mc): greedy"
    ]
    assert house.problems(mc_length=0) == ["mc_length is at least 1: 1"]
    assert house.problems(depth=13) == ["depth is at most 12: 12"]
    assert house.problems(mc_enabled=2)
    assert house.problems(kind="greedy", mc_length=5, mc_enabled=1, depth=12) == []


def test_values_reach_the_script_as_its_own_literals(house: House) -> None:
    house.pack("mc")
    _, found = house.checkouts.read("fork")
    [stage] = found.stages
    known = {option.name: option for option in stage.options}
    given = {"mc_enabled": "true", "mc_length": "384", "weight": "1", "kind": "greedy"}
    values = {name: fit(known[name], value) for name, value in given.items()}
    assert command_line(stage.options, values, stage.dialect) == [
        "--mc_enabled=1", "--kind=greedy", "--mc_length=384", "--weight=1.0",
    ]  # fmt: skip


def test_other_checkouts_are_as_without_the_pack(house: House) -> None:
    before = house.configs.schema(SchemaWish("plain")).fields
    house.pack("mc")
    assert house.configs.schema(SchemaWish("plain")).fields == before
    assert house.problems("plain", depth=13) == []


def test_a_pack_comes_and_goes(house: House) -> None:
    house.values()
    folder = house.pack("mc")
    assert house.problems(depth=13)
    assert house.values("mc")["mc_enabled"] == 1
    (folder / "pack.toml").unlink()
    assert house.problems(depth=13) == []
    assert "mc" not in {info.name for info in house.configs.prefabs.all()}


def test_prefabs_and_layouts_say_whose_they_are(house: House) -> None:
    house.pack("mc")
    [info] = [info for info in house.configs.prefabs.all() if info.name == "mc"]
    assert info.origin == "mc"
    with pytest.raises(RefusedError, match="belongs to pack `mc`"):
        house.configs.prefabs.delete("mc")
    assert ("mc", house.root / "packs/mc/layouts/mc.toml", "mc") in list_layouts(house.paths)
    own = house.paths.layouts / "mc.toml"
    own.parent.mkdir(parents=True)
    own.write_text("version = 1\n")
    assert ("mc", own, "yours") in list_layouts(house.paths)
    assert is_shipped(house.paths.pack_store / "x" / "a.toml") and not is_shipped(own)


def test_a_broken_file_of_declarations_costs_one_line(house: House) -> None:
    (house.pack("mc") / "more.toml").write_text("[[alerts]]\n")
    [said] = declared_problems(house.paths).values()
    assert said.startswith("more.toml: ") and "\n" not in said
    assert house.problems(depth=13) == []
    (house.root / "packs" / "mc" / "more.toml").write_text("# now it is right\n")
    assert declared_problems(house.paths) == {} and house.problems(depth=13)


def test_two_packs_with_one_id_declare_nothing(house: House) -> None:
    house.pack("mc")
    other = house.pack("other")
    text = (other / "pack.toml").read_text().replace('id = "other"', 'id = "mc"')
    (other / "pack.toml").write_text(text)
    [pack] = Declaring(house.paths).packs()
    assert pack.unusable and "two packs" in pack.problem
    assert house.problems(depth=13) == []


def test_only_enabled_packs_of_packs_json_count(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PACKS_VARIABLE)
    digest = "0" * 64
    home = house.paths.pack_store / digest
    home.mkdir(parents=True)
    house.pack("mc").rename(home / "pack")
    entry = {"id": "mc", "version": "1", "sha256": digest, "folder": f"{digest}/pack"}
    for enabled in (True, False):
        listed = {"version": 1, "packs": [{**entry, "enabled": enabled}]}
        house.paths.packs_json.write_text(json.dumps(listed))
        house.paths.packs_json.chmod(0o600)
        assert bool(house.problems(depth=13)) is enabled
