"""Saving never loses what somebody else wrote, and never touches what came with the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from nanochat_host.errors import RefusedError
from nanochat_host.layout import edit
from nanochat_host.layout.find import find_layout, is_shipped
from nanochat_host.layout.load import load_layout
from nanochat_host.layout.save import ChangedOnDiskError, LayoutFile
from nanochat_host.packs.catalog import Catalog
from nanochat_host.paths import Paths

CATALOG = Catalog.discover().manifests
TEXT = 'version = 1\n# mine\n[[screens]]\nid = "a"\n'


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.chdir(tmp_path)
    return Paths(tmp_path / "home")


def mine(paths: Paths) -> Path:
    paths.layouts.mkdir(parents=True)
    file = paths.layouts / "mine.toml"
    file.write_text(TEXT)
    return file


def test_a_shipped_layout_is_copied_and_the_copy_comes_first(paths: Paths) -> None:
    shipped = find_layout("default", paths)
    before = shipped.read_bytes()
    file = LayoutFile.read(shipped)
    assert file.shipped
    layout = edit.rename_screen(load_layout(shipped, CATALOG), "train", "Mine")
    saved = file.save(layout, CATALOG, paths)
    assert saved.path == paths.layouts / "default.toml" == find_layout("default", paths)
    assert shipped.read_bytes() == before
    assert load_layout(saved.path, CATALOG).screens == layout.screens
    assert 'title = "Mine"' in saved.text and "# The dashboard." in saved.text
    with pytest.raises(ChangedOnDiskError):
        file.save(layout, CATALOG, paths)


def test_a_change_by_hand_is_seen_and_can_be_overwritten(paths: Paths) -> None:
    path = mine(paths)
    file, layout = LayoutFile.read(path), load_layout(path, CATALOG)
    layout = edit.rename_screen(layout, "a", "B")
    path.write_text(TEXT + "# by hand\n")
    with pytest.raises(ChangedOnDiskError, match=r"mine\.toml has changed"):
        file.save(layout, CATALOG, paths)
    assert "# by hand" in path.read_text()
    file.save(layout, CATALOG, paths, overwrite=True)
    assert path.read_text() == TEXT.replace('id = "a"\n', 'id = "a"\ntitle = "B"\n')


def test_saving_twice_is_no_conflict(paths: Paths) -> None:
    path = mine(paths)
    layout = edit.rename_screen(load_layout(path, CATALOG), "a", "B")
    file = LayoutFile.read(path).save(layout, CATALOG, paths)
    file = file.save(edit.rename_screen(layout, "a", "C"), CATALOG, paths)
    assert 'title = "C"' in path.read_text() and "# mine" in path.read_text()
    assert file.digest == LayoutFile.read(path).digest


def test_save_as_makes_a_file_of_that_name(paths: Paths) -> None:
    path = mine(paths)
    layout = load_layout(path, CATALOG)
    saved = LayoutFile.read(path).save_as("My night shift", layout, CATALOG, paths)
    assert saved.path.name == "my-night-shift.toml"
    assert load_layout(saved.path, CATALOG).title == "My night shift"
    assert path.read_text() == TEXT
    with pytest.raises(RefusedError, match="already"):
        LayoutFile.read(path).save_as("My Night Shift", layout, CATALOG, paths)


def test_inline_screens_are_written_anew_under_another_name(paths: Paths) -> None:
    path = mine(paths)
    path.write_text('version = 1\nscreens = [{ id = "a", panels = [] }]\n')
    layout = edit.rename_screen(load_layout(path, CATALOG), "a", "B")
    saved = LayoutFile.read(path).save_as("Other", layout, CATALOG, paths)
    assert load_layout(saved.path, CATALOG).screens == layout.screens


def test_a_linked_file_stays_a_link(paths: Paths, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text(TEXT)
    paths.layouts.mkdir(parents=True)
    link = paths.layouts / "linked.toml"
    link.symlink_to(real)
    layout = edit.rename_screen(load_layout(link, CATALOG), "a", "B")
    LayoutFile.read(link).save(layout, CATALOG, paths)
    assert link.is_symlink() and 'title = "B"' in real.read_text()


def test_a_disk_that_refuses_is_said_and_leaves_the_old_file(paths: Paths) -> None:
    path = mine(paths)
    layout = edit.rename_screen(load_layout(path, CATALOG), "a", "B")
    file = LayoutFile(paths.layouts / "mine.toml" / "below.toml", TEXT)
    with pytest.raises(RefusedError, match="Not a directory"):
        file.save(layout, CATALOG, paths)
    assert path.read_text() == TEXT
    assert not list(paths.layouts.glob("*.tmp"))


def test_in_the_source_tree_ones_own_copy_comes_before_the_shipped_one(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert is_shipped(Path("layouts/default.toml"))
    mine(paths).rename(paths.layouts / "default.toml")
    assert find_layout("default", paths) == paths.layouts / "default.toml"
