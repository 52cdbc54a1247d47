"""Discovery of packs: what is found, what is refused, and that nothing is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nanochat_host.errors import NotFoundError
from nanochat_host.packs.catalog import PACKS_VARIABLE, Catalog
from nanochat_sdk import Capability

FIXTURES = Path(__file__).parent.parent / "panels"
MANIFEST = """
id = "{id}"
version = "1"
protocol = 1
title = "T"
[[panels]]
id = "p"
entry = "m:P"
title = "P"
help = "h"
capabilities = ["metrics:read", "logs:read"]
"""


def pack(folder: Path, pack_id: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text(MANIFEST.format(id=pack_id))
    (folder / "m.py").write_text("raise SystemExit('imported')\n")
    return folder


def test_the_builtin_pack_is_always_there() -> None:
    catalog = Catalog.discover([])
    entry = catalog.entry("builtin:loss")
    assert entry.name == "builtin:loss"
    assert catalog.granted(entry) == frozenset(entry.panel.capabilities)
    assert catalog.errors == []
    assert catalog.manifests["builtin:loss"] is entry.panel


def test_folders_of_packs_and_packs_are_both_found(tmp_path: Path) -> None:
    pack(tmp_path / "many" / "one", "one")
    pack(tmp_path / "many" / "two", "two")
    (tmp_path / "many" / "not-a-pack").mkdir()
    single = pack(tmp_path / "single", "three")
    catalog = Catalog.discover([tmp_path / "many", single])
    assert {"one:p", "two:p", "three:p"} <= set(catalog.panels)
    assert catalog.entry("three:p").paths == (single,)
    assert catalog.errors == []


def test_the_environment_names_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [pack(tmp_path / name, name) for name in ("one", "two")]
    monkeypatch.setenv(PACKS_VARIABLE, os.pathsep.join(map(str, [*folders, ""])))
    assert {"one:p", "two:p"} <= set(Catalog.discover().panels)


def test_two_packs_with_one_id_are_both_named_and_neither_is_used(tmp_path: Path) -> None:
    first, second = pack(tmp_path / "a", "same"), pack(tmp_path / "b", "same")
    catalog = Catalog.discover([tmp_path])
    assert "same:p" not in catalog.panels
    (error,) = catalog.errors
    assert f"two packs have the id `same`: {first} and {second}" in str(error)


def test_nobody_can_take_the_place_of_the_builtin_pack(tmp_path: Path) -> None:
    impostor = pack(tmp_path / "a", "builtin")
    catalog = Catalog.discover([impostor])
    assert "builtin:p" not in catalog.panels
    assert impostor not in catalog.entry("builtin:loss").paths
    assert "the built-in one is used" in str(catalog.errors[0])


def test_a_pack_gets_what_was_granted_of_what_it_declares(tmp_path: Path) -> None:
    folder = pack(tmp_path / "a", "mine")
    entry = Catalog.discover([folder]).entry("mine:p")
    assert Catalog.discover([folder]).granted(entry) == frozenset()
    grants = {"mine": [Capability.METRICS, Capability.STEER]}
    assert Catalog.discover([folder], grants).granted(entry) == {Capability.METRICS}


def test_broken_packs_are_listed_with_their_file_and_fault() -> None:
    errors = [str(error) for error in Catalog.discover([FIXTURES]).errors]
    assert len(errors) == 2
    assert "broken/pack.toml: Expected `str`, got `int` - at `$.version`" in errors[0]
    assert "old/pack.toml: `protocol = 0` is no longer served" in errors[1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("protocol = 1", "protocol = 99"), "newer than this host's 1: update nanochat-cli"),
        (('entry = "m:P"', 'entry = "os.system"'), "at `$.panels[0].entry`"),
        (('id = "p"', 'id = "../p"'), "at `$.panels[0].id`"),
        (("logs:read", "files:write"), "`files:write` is not a permission"),
        (('title = "T"', 'titel = "T"'), "unknown field `titel`"),
        (('version = "1"', "version = "), "Invalid value"),
        (('version = "1"', "x = " + "[" * 900), "recursion"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], why: str
) -> None:
    folder = pack(tmp_path / "a", "bad")
    (folder / "pack.toml").write_text(MANIFEST.format(id="bad").replace(*change))
    (error,) = Catalog.discover([folder]).errors
    assert str(error).startswith(str(folder / "pack.toml"))
    assert why in str(error)


def test_a_manifest_is_a_plain_small_file(tmp_path: Path) -> None:
    linked, device, huge, text = (tmp_path / name for name in ("linked", "device", "huge", "text"))
    real = pack(tmp_path / "real", "real")
    for folder in (linked, device, huge, text):
        folder.mkdir()
    (linked / "pack.toml").symlink_to(real / "pack.toml")
    os.mkfifo(device / "pack.toml")
    (huge / "pack.toml").write_bytes(b"#" * 20_000)
    (text / "pack.toml").write_bytes(b"\xff\xfe\x00binary")
    errors = [
        str(e) for e in Catalog.discover([linked, device, huge, text, tmp_path / "no"]).errors
    ]
    for error, why in zip(
        errors,
        ["symbolic links", "not a regular file", "larger than 16384", "decode", "No such file"],
        strict=True,
    ):
        assert why in error


def test_an_unknown_panel_names_those_there_are() -> None:
    with pytest.raises(NotFoundError, match=r"no panel `builtin:los`.*builtin:loss"):
        Catalog.discover([]).entry("builtin:los")


def test_discovery_imports_no_pack(tmp_path: Path) -> None:
    pack(tmp_path / "a", "mine")
    code = (
        "import sys; from pathlib import Path; from nanochat_host.packs.catalog import Catalog\n"
        "print(len(Catalog.discover([Path(sys.argv[1])]).panels))\n"
        "assert not {'m', 'nanochat_panels', 'textual', 'asyncio'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ('type = "int"\ndefault = 5\nmax = 4', "the default of option `n` must be at most 4"),
        ('type = "int"\ndefault = 5\nmin = 6\nmax = 4', "min 6 is more than max 4"),
        ('type = "int"\ndefault = 1\nchoices = [1, "two"]', "a choice must be a whole number"),
        ('type = "int"\ndefault = 1\nchoices = [1, 9]\nmax = 4', "a choice must be at most 4"),
        ('type = "str"\ndefault = "a"\nchoices = []', "0 choices"),
        ('type = "str"\ndefault = "a"\nmin = 1', "min and max need a number"),
        ('type = "float"\ndefault = 1.0\nmax = inf', "min and max must be finite"),
        ('type = "bool"\ndefault = 1', "the default of option `n` must be true or false"),
    ],
)
def test_an_option_that_contradicts_itself_is_named(tmp_path: Path, option: str, why: str) -> None:
    folder = pack(tmp_path / "a", "liar")
    with (folder / "pack.toml").open("a") as file:
        file.write(f'[panels.options.n]\n{option}\nhelp = "h"\n')
    (error,) = Catalog.discover([folder]).errors
    assert "panel `p`" in error.message
    assert why in error.message
    assert error.hint
