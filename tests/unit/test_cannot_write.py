"""A home that cannot be written to: the file that was meant, why not, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from nanochat_host.cli import main
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.prefab_file import write_prefab
from nanochat_host.core.wire import AddCheckout
from nanochat_host.errors import CannotWriteError, way_out
from nanochat_host.paths import Paths, atomic_write

TINY = Path(__file__).parents[2] / "tiny_nanochat"
WAYS = {
    errno.EACCES: "set NANOCHAT_CLI_HOME to a folder of yours",
    errno.EROFS: "set NANOCHAT_CLI_HOME to a folder of yours",
    errno.ENOSPC: "free some space, then try again",
}


@pytest.fixture(params=WAYS, ids=errno.errorcode.get)
def number(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Why nothing can be written: root may write anywhere, so the kernel's answer is played."""
    opened = os.open

    def refuse(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(request.param, os.strerror(request.param), path)
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    return int(request.param)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(tmp_path))
    return tmp_path


def test_every_file_of_ours_says_it_alike(home: Path, number: int) -> None:
    paths = Paths(home)
    writes = {
        home / "x.yaml": lambda: write_prefab(home / "x.yaml", "a: 1"),
        paths.checkouts_json: lambda: Checkouts(paths).add(AddCheckout(str(TINY), "again")),
    }
    for file, write in writes.items():
        with pytest.raises(CannotWriteError) as refused:
            write()
        assert refused.value.message == f"cannot write {file}: {os.strerror(number)}"
        assert refused.value.hint.endswith(WAYS[number])
    assert not list(home.iterdir())


def test_the_file_is_named_and_not_its_temporary(tmp_path: Path, number: int) -> None:
    with pytest.raises(OSError, match="setting") as refused:
        atomic_write(tmp_path / "settings.toml", "x")
    assert refused.value.filename == str(tmp_path / "settings.toml")


def test_a_file_elsewhere_needs_no_other_home(home: Path) -> None:
    shut = PermissionError(errno.EACCES, "Permission denied", "/checkpoints/d12_w2")
    assert CannotWriteError("/checkpoints/d12_w2", shut).hint == "make it writable"
    assert way_out(shut) == "", "it may be a file that was to be read"


def test_what_the_program_itself_cannot_write_has_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shut(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "packs"))

    monkeypatch.setenv("NANOCHAT_CLI_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "mkdir", shut)
    pack = Path(__file__).parents[2] / "examples" / "cost-ticker"
    assert main(["pack", "install", str(pack), "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'packs'}: Permission denied" in said
    assert "set NANOCHAT_CLI_HOME to a folder of yours" in said
