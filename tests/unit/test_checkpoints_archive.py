"""What is read from a file of torch.save, and what a hostile or damaged one can do: nothing."""

from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path

import pytest
from fake_weights import MODEL, Weight, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanochat_host.core.checkpoints.archive import BadArchiveError, broken, read_archive


def test_names_shapes_and_dtypes_are_read(tmp_path: Path) -> None:
    tree = read_archive(save(tmp_path / "m.pt", MODEL))
    assert {name: tensor.shape for name, tensor in tree.items()} == {
        "wte.weight": (64, 32), "lm_head.weight": (64, 32), "gate": (4,)
    }  # fmt: skip
    assert {tensor.dtype for tensor in tree.values()} == {"Float"}


@pytest.mark.torch
def test_what_torch_writes_is_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(3, 4)
    half = torch.zeros(2, 3, dtype=torch.bfloat16)
    torch.save({**layer.state_dict(), "half": half, "turned": half.T}, tmp_path / "m.pt")
    found = read_archive(tmp_path / "m.pt")
    assert found["weight"].shape == (4, 3)
    assert found["half"] == ((2, 3), "BFloat16")
    assert found["turned"].shape == (3, 2)
    torch.save(layer.state_dict(), tmp_path / "m.pt")  # an OrderedDict with state of its own
    assert set(read_archive(tmp_path / "m.pt")) == {"weight", "bias"}
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "o.pt")
    assert read_archive(tmp_path / "o.pt")["state"][0]["exp_avg"].shape == (4, 3)


def test_a_file_cut_anywhere_is_marked(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", MODEL)
    whole = path.read_bytes()
    assert broken(path, len(whole)) == ""
    for size in (*range(0, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:size])
        assert broken(path, size), size
        with pytest.raises(BadArchiveError):
            read_archive(path)
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    assert "cut short" in broken(path, len(whole))


def test_storage_that_is_smaller_than_its_tensor_is_damage(tmp_path: Path) -> None:
    small = save(tmp_path / "small.pt", {"a": Weight((2,))}).read_bytes()
    assert b"J\x02\x00\x00\x00" in small
    raw = b"\x80\x02}X\x01\x00\x00\x00a"
    raw += b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    raw += b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x09tQK\x00K\x09\x85K\x01\x85\x89}tRs."
    path = save(tmp_path / "m.pt", {}, raw=raw)
    with pytest.raises(BadArchiveError, match="not all there"):
        read_archive(path)


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_a_pickle_that_wants_to_run_code_is_refused_by_name(tmp_path: Path) -> None:
    target = tmp_path / "made"
    for protocol in (2, 3, 4, 5):
        path = save(tmp_path / "m.pt", {}, raw=pickle.dumps(Evil(target), protocol))
        with pytest.raises(BadArchiveError, match=r"posix\.mkdir"):
            read_archive(path)
    for raw in (
        b"cbuiltins\neval\n(X\x01\x00\x00\x001tR.",
        b"(iposix\nsystem\n.",
        b"ctorch\nload\n(X\x01\x00\x00\x00xtR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n}b.",
    ):
        path = save(tmp_path / "m.pt", {}, raw=raw)
        with contextlib.suppress(BadArchiveError):
            read_archive(path)
    assert not target.exists()


def test_bombs_end_at_once(tmp_path: Path) -> None:
    shared = b")" + b"2\x86" * 60  # each tuple holds the last one twice
    for raw in (
        b"}" + shared + b"K\x01s.",
        b"Nr\xff\xff\xff\x7f.",  # a memo with two billion places
        b"}" * 100_000 + b".",
        b"\x80\x02\x8d" + b"\xff" * 8 + b".",
    ):
        path = save(tmp_path / "m.pt", {}, raw=raw)
        with contextlib.suppress(BadArchiveError):
            read_archive(path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_flipped_byte_never_raises_anything_else(tmp_path: Path, at: int, byte: int) -> None:
    path = save(tmp_path / "m.pt", MODEL)
    whole = bytearray(path.read_bytes())
    whole[at % len(whole)] = byte
    path.write_bytes(whole)
    try:
        read_archive(path)
    except BadArchiveError as error:
        assert str(error)


def test_other_files_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(b"")
    assert broken(path, 0) == "empty"
    path.write_text("hello, this is text and no checkpoint at all")
    assert "torch.save" in broken(path, path.stat().st_size)
    path.write_bytes(b"\x80\x02\x8a\x0a" + b"x" * 100)
    assert broken(path, 104) == ""
    with pytest.raises(BadArchiveError, match="before torch"):
        read_archive(path)
