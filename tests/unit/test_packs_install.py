"""Packs into the store: what is taken, where it lies, and that refusals leave nothing behind."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from nanochat_host.installed import InstalledPack, read_installed
from nanochat_host.packs import grants
from nanochat_host.packs.catalog import Catalog
from nanochat_host.packs.install.limits import (
    OF_PACK,
    Limits,
    MissingLibrariesError,
    RefusedPackError,
)
from nanochat_host.packs.install.offer import offer
from nanochat_host.packs.install.source import open_archive
from nanochat_host.packs.install.store import hold
from nanochat_host.packs.install.tree import objection, read_tree
from nanochat_host.packs.install.wheels import fits
from nanochat_host.paths import Paths
from pace import cpu_s
from pack_rig import MANIFEST, PANEL, make_library, make_pack, make_zip


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "home")


def install(paths: Paths, source: Path, **how: object) -> InstalledPack:
    with offer(paths, source, **how) as found:  # type: ignore[arg-type]
        return grants.accept(paths, found)


def manifest(**values: str) -> str:
    return MANIFEST.format(**({"id": "heat", "version": "1", "capabilities": ""} | values))


def test_a_folder_lies_read_only_below_its_hash(paths: Paths, tmp_path: Path) -> None:
    source = make_pack(tmp_path / "heat", files={".git/config": "x", "__pycache__/p.pyc": "x"})
    record = install(paths, source)
    place = record.place(paths)
    assert {path.name for path in place.iterdir()} == {"pack.toml", "panel.py"}
    assert place.parent.name == record.sha256
    assert not objection(place.parent, record.sha256)
    assert [oct(p.stat().st_mode & 0o777) for p in (place, place / "panel.py")] == [
        "0o555", "0o444",
    ]  # fmt: skip
    entry = Catalog.discover([], paths=paths).entry("heat:map")
    assert entry.paths == (place,)
    assert (entry.folder, entry.sha256) == (record.root(paths), record.sha256)


def test_a_wheel_and_a_zip_are_laid_out_as_their_authors_meant(
    paths: Paths, tmp_path: Path
) -> None:
    files = {
        "heat/__init__.py": "",
        "heat/pack.toml": manifest().replace("panel:Map", "heat.panel:Map"),
        "heat/panel.py": PANEL,
    }
    wheel = make_zip(
        tmp_path / "heat-1-py3-none-any.whl", {**files, "heat-1.dist-info/METADATA": "x"}
    )
    record = install(paths, wheel)
    assert record.folder == f"{record.sha256}/pack/heat"
    assert Catalog.discover([], paths=paths).entry("heat:map").paths == (
        record.root(paths) / "pack",
    )
    zipped = make_zip(tmp_path / "heat.zip", files)
    assert install(paths, zipped).folder.endswith("/pack/heat")
    flat = {"heat-main/pack.toml": manifest(), "heat-main/panel.py": PANEL}
    record = install(paths, make_zip(tmp_path / "main.zip", flat))
    assert record.folder == f"{record.sha256}/pack"
    assert (record.place(paths) / "panel.py").exists()


def test_the_same_bytes_have_the_same_hash_wherever_they_come_from(
    paths: Paths, tmp_path: Path
) -> None:
    source = make_pack(tmp_path / "one")
    zipped = make_zip(
        tmp_path / "two.zip",
        {name: (source / name).read_text() for name in ("panel.py", "pack.toml")},
    )
    first = install(paths, source)
    with offer(paths, zipped) as found:
        assert found.agreed
        assert found.tree.sha256 == first.sha256


def test_libraries_come_from_wheels_with_their_hash(paths: Paths, tmp_path: Path) -> None:
    wheel, lines = make_library(tmp_path / "elsewhere")
    source = make_pack(tmp_path / "heat", files={"pack.lock.toml": "version = 1\n" + lines})
    with pytest.raises(MissingLibrariesError, match=r"not here: colours-2.1-py3-none-any.whl"):
        install(paths, source)
    record = install(paths, source, wheels=[wheel.parent])
    library = record.root(paths) / "lib" / "colours-2.1"
    assert (library / "colours/__init__.py").read_text() == "RED = 'red'\n"
    assert Catalog.discover([], paths=paths).entry("heat:map").paths == (
        record.place(paths), library,
    )  # fmt: skip
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("colours/more.py", "import os")
    with pytest.raises(RefusedPackError, match=r"not the file that pack.lock.toml names"):
        install(paths, source, wheels=[wheel.parent])


@pytest.mark.skipif(find_spec("pip") is None, reason="this Python has no pip")
def test_libraries_are_downloaded_by_pip_with_hashes_only(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, lines = make_library(tmp_path / "index")
    source = make_pack(tmp_path / "heat", files={"pack.lock.toml": "version = 1\n" + lines})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    record = install(paths, source, fetch=True)
    assert (record.root(paths) / "lib/colours-2.1/colours/__init__.py").exists()
    wrong = lines.replace(lines.split('sha256 = "')[1][:8], "0" * 8)
    (source / "pack.lock.toml").write_text("version = 1\n" + wrong)
    with pytest.raises(RefusedPackError, match="pip could not download"):
        install(paths, source, fetch=True)


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        ("version = 2", "version 2"),
        ("version = 1\nwheel = 1", "Expected `array`"),
        ('version = 1\n[[wheel]]\nname = "a"\nversion = "1"\nfile = "../a.whl"', "file"),
        (
            'version = 1\n[[wheel]]\nname = "a"\nversion = "1"\nfile = "b-1-py3-none-any.whl"\n'
            f'sha256 = "{"0" * 64}"',
            "not a wheel of `a`",
        ),
        (
            'version = 1\n[[wheel]]\nname = "a"\nversion = "1"\nfile = "a-1-cp27-cp27m-win32.whl"\n'
            f'sha256 = "{"0" * 64}"',
            "no wheel of a is for Python",
        ),
    ],
)
def test_a_wrong_lock_is_named(paths: Paths, tmp_path: Path, lock: str, why: str) -> None:
    source = make_pack(tmp_path / "heat", files={"pack.lock.toml": lock})
    with pytest.raises(RefusedPackError, match=r"pack\.lock\.toml") as refused:
        install(paths, source)
    assert why in str(refused.value)


def test_a_wheel_fits_by_its_name() -> None:
    minor = sys.version_info[1]
    machine = os.uname().machine
    assert fits("a-1-py3-none-any.whl")
    assert fits("a-1-py2.py3-none-any.whl")
    assert not fits("a-1-py2-none-any.whl")
    assert not fits(f"a-1-cp3{minor + 1}-cp3{minor + 1}-manylinux_2_17_{machine}.whl")
    assert not fits("a-1-py3-none-win_amd64.whl")
    if sys.platform == "linux":
        platform = f"manylinux_2_17_{machine}.manylinux2014_{machine}"
        assert fits(f"a-1-cp3{minor}-cp3{minor}-{platform}.whl")
        assert fits(f"a-1-cp38-abi3-{platform}.whl")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"readme.txt": "x"}, "no pack.toml"),
        ({"a/pack.toml": manifest(), "b/x.py": ""}, "no pack.toml"),
        ({"pack.toml": manifest(), "__init__.py": ""}, "zip the folder itself"),
        ({"pack.toml": "id ="}, "pack.toml: Invalid value"),
        ({"pack.toml": manifest(id="builtin")}, "this program brings along"),
        ({"pack.toml": manifest(capabilities='"files:read:/etc/ssl"')}, "part of the system"),
        ({"pack.toml": manifest().replace("protocol = 1", "protocol = 99")}, "newer than"),
        ({"pack.toml": manifest(), "x.pth": "import os"}, ".pth file"),
        ({"pack.toml": manifest(), "a": "", "a/b": ""}, "folder"),
    ],
)
def test_what_is_no_pack_is_refused_and_leaves_nothing(
    paths: Paths, tmp_path: Path, files: dict[str, str], why: str
) -> None:
    with pytest.raises(RefusedPackError) as refused:
        install(paths, make_zip(tmp_path / "bad.zip", files))
    assert why in str(refused.value)
    assert list(paths.pack_store.iterdir()) == []
    assert not paths.packs_json.exists()


def test_a_path_that_leads_nowhere_is_told_as_that(paths: Paths, tmp_path: Path) -> None:
    for name in ("heat", "heat.zip"):
        with pytest.raises(RefusedPackError, match="No such file or directory"):
            install(paths, tmp_path / name)


def test_an_sdist_is_refused_by_its_kind(paths: Paths, tmp_path: Path) -> None:
    (sdist := tmp_path / "heat-1.0.tar.gz").write_bytes(b"x")
    with pytest.raises(RefusedPackError, match="runs code when it is built"):
        install(paths, sdist)
    with pytest.raises(RefusedPackError, match="No such file"):
        install(paths, tmp_path / "no.whl")


def test_links_in_a_folder_are_not_followed(paths: Paths, tmp_path: Path) -> None:
    source = make_pack(tmp_path / "heat")
    (source / "data").symlink_to("/etc/passwd")
    with pytest.raises(RefusedPackError, match=r"heat/data: it is a link"):
        install(paths, source)


def test_a_wheel_of_a_hundred_thousand_files_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "many.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for number in range(100_000):
            wheel.writestr(f"p/{number}", "")

    def look() -> None:
        with pytest.raises(RefusedPackError, match="65535 files or more, and 2000 are allowed"):
            open_archive(path, OF_PACK).__enter__()

    assert cpu_s(look) < 0.1


def test_limits_hold_for_what_is_unpacked(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "big.zip", {"a": "x" * 3_000, "b": "y" * 3_000})
    small = Limits(files=10, one_bytes=2_000, total_bytes=9_000, archive_bytes=9_000)
    with pytest.raises(RefusedPackError, match=r"`'a'` has 0 MiB"):
        open_archive(path, small).__enter__()
    tight = Limits(files=10, one_bytes=4_000, total_bytes=5_000, archive_bytes=9_000)
    with pytest.raises(RefusedPackError, match="unpacks to"):
        open_archive(path, tight).__enter__()


def test_an_update_replaces_and_the_old_version_is_swept(paths: Paths, tmp_path: Path) -> None:
    source = make_pack(tmp_path / "heat")
    first = install(paths, source)
    held = hold(first.root(paths))
    make_pack(source, version="1.1")
    second = install(paths, source)
    assert first.root(paths).exists(), "a dashboard still runs it"
    os.close(held)
    make_pack(source, version="1.2")
    third = install(paths, source)
    assert {path.name for path in paths.pack_store.iterdir()} == {third.sha256}
    assert not second.root(paths).exists()
    grants.remove(paths, "heat")
    assert list(paths.pack_store.iterdir()) == []
    assert read_installed(paths).packs == {}


def test_installing_again_mends_a_damaged_folder(paths: Paths, tmp_path: Path) -> None:
    source = make_pack(tmp_path / "heat")
    record = install(paths, source)
    panel = record.place(paths) / "panel.py"
    panel.chmod(0o600)
    panel.write_text("import os")
    assert "changed since you agreed" in objection(record.root(paths), record.sha256)
    install(paths, source)
    assert not objection(record.root(paths), record.sha256)


def test_the_hash_sees_every_name_and_byte(tmp_path: Path) -> None:
    def tree(**files: str) -> str:
        folder = tmp_path / hashlib.sha256(repr(files).encode()).hexdigest()
        for name, text in files.items():
            (folder / name.replace("_", "/")).parent.mkdir(parents=True, exist_ok=True)
            (folder / name.replace("_", "/")).write_text(text)
        return read_tree(folder).sha256

    seen = [tree(a="1"), tree(a="2"), tree(b="1"), tree(a="1", b=""), tree(a_b="1"), tree(ab="1")]
    assert len(set(seen)) == len(seen)


def test_nothing_of_a_pack_runs_when_it_is_installed(paths: Paths, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    evil = f"open({str(marker)!r}, 'w')\n"
    source = make_pack(
        tmp_path / "heat",
        files=dict.fromkeys(("setup.py", "conftest.py", "panel.py", "sitecustomize.py"), evil),
    )
    code = (
        "import sys; from pathlib import Path; from nanochat_host.paths import Paths\n"
        "from nanochat_host.packs.install.offer import offer\n"
        "from nanochat_host.packs import grants\n"
        "with offer(Paths(Path(sys.argv[1])), Path(sys.argv[2])) as o:\n"
        "    grants.accept(Paths(Path(sys.argv[1])), o)\n"
        "assert not {'panel', 'textual', 'asyncio'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(paths.home), str(source)], check=True)
    assert read_installed(paths).packs.keys() == {"heat"}
    assert not marker.exists()
