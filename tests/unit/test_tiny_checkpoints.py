"""Checkpoints and batch sizes of tiny_nanochat: what cannot work is one line with the way out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tiny_nanochat"))
pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from nanochat.checkpoint_manager import (  # noqa: E402
    find_checkpoint,
    load_checkpoint,
    load_model,
    save_checkpoint,
)
from nanochat.training import eval_steps_for, grad_accum_steps_for  # noqa: E402

sys.path.pop(0)

CPU = torch.device("cpu")


@pytest.fixture
def base_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    return tmp_path


def save(base_dir: Path, tag: str, step: int, ranks: int = 1) -> Path:
    folder = base_dir / "base_checkpoints" / tag
    for rank in range(ranks):
        model = {"weight": torch.full((3,), float(step))}
        save_checkpoint(folder, step, model, {"rank": rank}, {"step": step}, rank)
    return folder


def test_what_was_saved_is_loaded(base_dir: Path) -> None:
    folder = save(base_dir, "d3", 20, ranks=2)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("meta_000020.json", "model_000020.pt", "optim_000020_rank0.pt", "optim_000020_rank1.pt")
    ]
    model, optimizer, meta = load_checkpoint(folder, 20, CPU, load_optimizer=True, rank=1)
    assert model["weight"].tolist() == [20.0] * 3
    assert optimizer == {"rank": 1}
    assert meta == {"step": 20}
    # A resume with more ranks than were saved: the state is the same on all of them.
    assert load_checkpoint(folder, 20, CPU, load_optimizer=True, rank=2)[1] == {"rank": 0}


def test_the_last_step_of_the_last_tag_is_the_default(base_dir: Path) -> None:
    save(base_dir, "first", 30)
    newest = save(base_dir, "second", 9)
    save(base_dir, "second", 10)
    assert find_checkpoint("base", None, None) == (newest, 10)
    assert find_checkpoint("base", "first", None)[1] == 30


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_missing_checkpoints_are_named(base_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load_model("sft", CPU, "eval")
    assert "run `python -m scripts.chat_sft` first" in complaint(capsys)
    save(base_dir, "d3", 20)
    with pytest.raises(SystemExit):
        load_model("base", CPU, "eval", "d4")
    assert "there is: d3" in complaint(capsys)
    with pytest.raises(SystemExit):
        load_model("base", CPU, "eval", "d3", 7)
    assert "saved steps: 20" in complaint(capsys)


@pytest.mark.parametrize("name", ["model_000020.pt", "optim_000020_rank0.pt", "meta_000020.json"])
def test_truncated_files_are_named(
    base_dir: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = save(base_dir, "d3", 20)
    save(base_dir, "d3", 10)
    path = folder / name
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(SystemExit):
        load_checkpoint(folder, 20, CPU, load_optimizer=True)
    error = complaint(capsys)
    assert f"cannot load {path}" in error
    assert "saved steps: 10, 20" in error


def test_a_full_disk_leaves_no_half_checkpoint(
    base_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(data: object, file: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", no_space)
    with pytest.raises(SystemExit):
        save(base_dir, "d3", 20)
    assert "No space left on device" in complaint(capsys)
    assert list((base_dir / "base_checkpoints/d3").iterdir()) == []


@pytest.mark.parametrize(
    ("total", "world_size", "nearest"),
    [(1500, 1, "1024 or 2048"), (100, 1, "1024"), (3000, 2, "2048 or 4096"), (0, 1, "1024")],
)
def test_a_batch_that_does_not_divide_names_the_nearest(
    capsys: pytest.CaptureFixture[str], total: int, world_size: int, nearest: str
) -> None:
    with pytest.raises(SystemExit):
        grad_accum_steps_for(total, 8, 128, world_size)
    assert complaint(capsys).endswith(f"the nearest is {nearest}\n")


def test_sizes_that_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert grad_accum_steps_for(4096, 8, 128, 2) == 2
    assert eval_steps_for(4999, 8, 128, 2) == 2
    with pytest.raises(SystemExit):
        eval_steps_for(2047, 8, 128, 2)
    assert "at least 2048" in capsys.readouterr().err
