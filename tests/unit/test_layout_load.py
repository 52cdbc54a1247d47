"""A layout that is wrong says where, and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nanochat_host.errors import ConfigFileError, NotFoundError
from nanochat_host.layout.find import find_layout, list_layouts
from nanochat_host.layout.lines import Lines
from nanochat_host.layout.load import check_layout, load_layout
from nanochat_host.packs.catalog import Catalog
from nanochat_host.paths import Paths
from nanochat_sdk.manifest import OptionSpec, PanelManifest

SHIPPED = Path(__file__).parents[2] / "layouts"
CATALOG = {
    f"builtin:{name}": PanelManifest(
        id=name, entry="p:P", title=name, help="",
        options={"smoothing": OptionSpec("float", 0.9, "EMA weight", min=0, max=1)},
    )
    for name in ("loss", "log", "progress")
}  # fmt: skip

GOOD = """\
version = 1
[[screens]]
id = "train"
[[screens.panels]]
id = "loss"
panel = "builtin:loss"
at = [0, 0, 8, 6]
[[screens.panels]]
id = "log"
panel = "builtin:log"
at = [8, 0, 4, 6]
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        file = tmp_path / "mine.toml"
        file.write_text(text)
        return file

    return to_file


def test_a_layout_fills_in_what_is_left_out(write: Write) -> None:
    spec = load_layout(write(GOOD), CATALOG)
    assert (spec.name, spec.title) == ("mine", "mine")
    screen = spec.screens[0]
    assert (screen.title, screen.columns, screen.rows) == ("Train", 12, 12)
    loss = screen.panels[0]
    assert loss.at == (0, 0, 8, 6) and loss.at_narrow is None
    assert loss.options == {"smoothing": 0.9} and loss.refresh_hz == 0


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "near", "says"),
    [
        ("version = 1", "", 1, "version", "", "is missing"),
        ("version = 1", "version = 2", 1, "version", "", "from 1 to 1"),
        ("version = 1", "version = true", 1, "version", "", "whole number"),
        ("version = 1", 'version = 1\ntitel = "x"', 2, "titel", "title", "not a key"),
        ("version = 1", 'version = 1\nhelp = "a\\u001bb"', 2, "help", "", "one line"),
        ('id = "train"', 'id = "train"\nrows = "12"', 4, "rows", "", "whole number"),
        ('id = "train"', "", 2, "id", "", "is missing"),
        ('id = "train"', 'id = "a b"', 3, "id", "", "letter"),
        ('"builtin:loss"', '"builtin:los"', 6, "panel", "builtin:loss", "not a panel"),
        ("[0, 0, 8, 6]", "[0, 0, 8]", 7, "at", "", "[column, row, width, height]"),
        ("[0, 0, 8, 6]", "[0, 0, 8, 0]", 7, "at", "", "[column, row, width, height]"),
        ("[0, 0, 8, 6]", "[0, 7, 8, 6]", 7, "at", "", "out of the grid"),
        ("[8, 0, 4, 6]", "[7, 5, 4, 6]", 11, "at", "", 'lies over panel "loss"'),
        ('id = "log"', 'id = "loss"', 9, "id", "", "already the id"),
        ("[8, 0, 4, 6]", "[8, 0, 4, 6]\nrefresh_hz = 0", 12, "refresh_hz", "", "above 0"),
        ("[8, 0, 4, 6]", "[8, 0, 4, 6]\noptions = 3", 12, "options", "", "a table"),
        ("[8, 0, 4, 6]", "[8, 0, 4, 6]\noptions = { smothing = 1 }", 12, "smothing", "smoothing",
         "not an option"),
        ("[8, 0, 4, 6]", "[8, 0, 4, 6]\n[screens.panels.options]\nsmoothing = 7", 13, "smoothing",
         "", "at most 1"),
        ("[8, 0, 4, 6]", "[8, 0, 4,", 11, "", "", "is not TOML"),
        ("[[screens]]", "[screens]", 2, "screens", "", "[[ ]]"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_place(
    write: Write, old: str, new: str, line: int, key: str, near: str, says: str
) -> None:
    file = write(GOOD.replace(old, new, 1))
    found = [e for e in check_layout(file, CATALOG) if says in e.message]
    assert found, [str(e) for e in check_layout(file, CATALOG)]
    error = found[0]
    assert error.line == line or (says == "is not TOML" and error.line >= line)
    assert (error.key, error.near, error.file) == (key, near, str(file))
    assert str(error).startswith(f"{file}:{error.line}:")
    with pytest.raises(ConfigFileError):
        load_layout(file, CATALOG)


def test_all_mistakes_are_reported_in_the_order_of_the_file(write: Write) -> None:
    text = GOOD.replace("version = 1", "version = 3").replace("builtin:log", "other:log")
    errors = check_layout(write(text.replace("[0, 0, 8, 6]", "[0, 0, 99, 6]")), CATALOG)
    assert [error.line for error in errors] == [1, 7, 10, 11]


def test_what_keeps_a_layout_from_being_used_is_named_not_a_pack_it_could_do_without(
    write: Write,
) -> None:
    text = GOOD.replace("builtin:loss", "weather:radar").replace("[8, 0, 4, 6]", "[8, 0, 99, 6]")
    with pytest.raises(ConfigFileError, match="out of the grid"):
        load_layout(write(text), CATALOG)
    alone = write(GOOD.replace("builtin:loss", "weather:radar").replace("smoothing = 0.9", ""))
    assert load_layout(alone, CATALOG).screens[0].panels[0].panel == "weather:radar"


def test_a_binary_file_and_a_missing_one(tmp_path: Path) -> None:
    binary = tmp_path / "x.toml"
    binary.write_bytes(b"\x80\x04\x95\xff")
    assert "binary" in check_layout(binary, CATALOG)[0].message
    assert check_layout(tmp_path, CATALOG)[0].message.endswith("Is a directory")
    with pytest.raises(NotFoundError):
        load_layout(tmp_path / "none.toml", CATALOG)


def test_lines_survive_strings_and_arrays_over_several_lines() -> None:
    text = (
        'a = """\nx = 1\n[[b]]\n"""\n'
        "b = [\n  1,\n  2, # ]\n]\n"
        "[c.d] # e = 1\n'f g' = 2\nh.i = 3\n"
        '[[j]]\n"k" = "[["\n[[j]]\nk = 1\n[j.l]\nm = 1\n'
    )
    lines = Lines(text)
    assert lines.of(("a",)) == 1
    assert lines.of(("b",)) == 5
    assert lines.of(("c", "d", "f g")) == 10
    assert lines.of(("c", "d", "h", "i")) == 11
    assert lines.of(("j", 0, "k")) == 13
    assert lines.of(("j", 1, "k")) == 15
    assert lines.of(("j", 1, "l", "m")) == 17
    assert lines.of(("j", 1, "nowhere")) == 14
    assert lines.of(("x",)) == 1


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: file.stem)
def test_shipped_layouts_load_with_the_real_panels(file: Path) -> None:
    catalog = {name: entry.panel for name, entry in Catalog.discover().panels.items()}
    spec = load_layout(file, catalog)
    assert spec.title and spec.help and spec.screens


def test_names_are_found_and_ones_own_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = Paths(tmp_path / "home")
    assert find_layout("default", paths).parent == SHIPPED
    assert {"default", "minimal", "no-panels", "wide"} <= {name for name, *_ in list_layouts(paths)}
    paths.layouts.mkdir(parents=True)
    mine = paths.layouts / "default.toml"
    mine.write_text(GOOD)
    assert find_layout("default", paths) == mine
    assert ("default", mine, "yours") in list_layouts(paths)
    here = tmp_path / "layouts" / "default.toml"
    here.parent.mkdir()
    here.write_text(GOOD)
    assert find_layout("default", paths) == here
    assert find_layout(str(mine), paths) == mine


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="default"):
        find_layout("defualt", Paths(tmp_path))
    with pytest.raises(NotFoundError, match="no file"):
        find_layout("./nope.toml", Paths(tmp_path))
