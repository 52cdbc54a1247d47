"""The shards of tiny_nanochat: the same for the same sources, and validation kept apart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tiny_nanochat"))
pytestmark = pytest.mark.torch
pytest.importorskip("torch")

from nanochat import dataset  # noqa: E402
from nanochat.conversations import first_sentence, make_conversations  # noqa: E402

sys.path.pop(0)

MODULE = (
    '"""Counts {name}. And more."""\n\ndef {name}():\n    """Return {name}."""\n' + "# x\n" * 800
)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    (root / "pkg" / "test").mkdir(parents=True)
    for index in range(60):
        (root / f"module{index}.py").write_text(MODULE.format(name=f"f{index}") * 2)
    (root / "pkg" / "__init__.py").write_text("x = 1\n")
    (root / "pkg" / "test" / "left_out.py").write_text("y = 2\n")
    (root / "latin.py").write_bytes(b"name = '\xe4'\n")
    return root


@pytest.fixture
def base_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    return tmp_path / "base"


def make(library: Path, monkeypatch: pytest.MonkeyPatch, *argv: str) -> None:
    monkeypatch.setattr(sys, "argv", ["dataset", *argv])
    monkeypatch.setattr(dataset.sysconfig, "get_path", lambda name: str(library))
    dataset.main()


def test_shards_are_repeatable(library: Path) -> None:
    assert dataset.make_shards(library, 3) == dataset.make_shards(library, 3)


def test_no_module_is_in_training_and_validation(library: Path) -> None:
    *train, val = dataset.make_shards(library, 3)
    names = {document["name"] for shard in train for document in shard}
    held_out = {document["name"] for document in val}
    assert names and held_out
    assert not names & held_out
    assert names | held_out == {f"module{i}" for i in range(60)} | {"pkg", "latin"}


def test_long_modules_are_cut_at_definitions_and_lose_nothing(library: Path) -> None:
    pieces = [text for name, text in dataset.library_documents(library) if name == "module7"]
    assert len(pieces) == 2
    assert pieces[1].startswith("def f7")
    assert "".join(pieces) == MODULE.format(name="f7") * 2


def test_shards_on_disk_read_back(
    library: Path, base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library / "lines.py").write_text("a = '\u2028'\n\x0c\nb = '\x85'\n")
    make(library, monkeypatch, "-n", "2")
    names = [path.name for path in dataset.list_shards("train")]
    assert names == ["shard_00000.jsonl", "shard_00001.jsonl"]
    assert [path.name for path in dataset.list_shards("val")] == ["shard_00002.jsonl"]
    shards = [dataset.read_shard(path) for s in ("train", "val") for path in dataset.list_shards(s)]
    assert shards == dataset.make_shards(library, 2)


def test_what_is_there_is_kept_and_what_is_damaged_made_again(
    library: Path,
    base_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(library, monkeypatch, "-n", "2")
    shard = dataset.list_shards("train")[0]
    digest, before = dataset.data_digest(), shard.read_bytes()
    capsys.readouterr()
    make(library, monkeypatch, "-n", "2")
    assert capsys.readouterr().out.count("Skipping") == 3
    shard.write_bytes(before[:-10])
    make(library, monkeypatch, "-n", "2")
    assert shard.read_bytes() == before
    assert dataset.data_digest() == digest
    make(library, monkeypatch, "-n", "1")
    assert len(dataset.list_shards("train")) == 1
    assert dataset.data_digest() != digest


def test_missing_data_names_the_command(base_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dataset.list_shards("train")
    assert "python -m nanochat.dataset" in capsys.readouterr().err


def test_a_python_without_sources_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        dataset.make_shards(tmp_path, 2)
    assert f"no library sources in {tmp_path}" in capsys.readouterr().err


def test_conversations_come_from_docstrings(
    library: Path, base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(library, monkeypatch)
    said = {
        (turn[0]["content"], turn[1]["content"])
        for turn in (found["messages"] for found in make_conversations("train", 1000))
    }
    number = next(i for i in range(60) if (f"What is the module module{i} for?") in dict(said))
    assert dict(said)[f"What is the module module{number} for?"] == f"Counts f{number}."
    assert dict(said)[f"What does module{number}.f{number} do?"] == f"Return f{number}."
    assert len(make_conversations("train", 5)) == 5


def test_first_sentence() -> None:
    assert first_sentence("Open a file.  Then read.\n\nMore.") == "Open a file."
    assert first_sentence("\n  No stop\n  here\n\nMore.") == "No stop here."
