"""W&B's file, written by wandb 0.31 in offline mode: 44 rows over three blocks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.core.telemetry import protobuf as pb
from nanochat_host.core.telemetry.outside_rows import metric_rows
from nanochat_host.core.telemetry.wandb_file import BLOCK, NotWandbError, WandbFile

RAW = gzip.decompress(
    (Path(__file__).parents[1] / "data" / "wandb" / "offline.wandb.gz").read_bytes()
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(RAW)
    return path


def test_everything_in_it_is_read(path: Path) -> None:
    file = WandbFile(path)
    news = file.read()
    assert len(RAW) > 2 * BLOCK and file.offset == len(RAW) and file.damaged == 0
    assert len(news.rows) == 44
    assert news.rows[-1]["step"] == 390 and news.rows[-1]["train/loss"] == pytest.approx(2.47965)
    assert news.rows[1]["centered_results/piqa"] == 0.1
    assert news.rows[1]["bad"] == "nan" and news.rows[1]["worse"] == "inf"
    assert news.identity["project"] == "nanochat" and news.identity["name"] == "d4-cpu"
    assert news.config["depth"] == 4
    assert news.exit_code == 0
    assert not file.read()


def test_a_growing_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "run-x.wandb"
    file, rows = WandbFile(path), []
    for end in [0, 3, 7, 8, *range(1000, len(RAW), 997), len(RAW)]:
        path.write_bytes(RAW[:end])
        rows += file.read().rows
    assert [row["_step"] for row in rows] == list(range(44))
    assert file.damaged == 0


def test_reading_goes_on_where_it_stood(path: Path) -> None:
    path.write_bytes(RAW[: len(RAW) // 2])
    first = WandbFile(path)
    rows = first.read().rows
    path.write_bytes(RAW)
    rows += WandbFile(path, first.offset).read().rows
    assert len(rows) == 44


def test_a_damaged_block_costs_itself_only(path: Path) -> None:
    counts = []
    for at in range(2000, 2 * BLOCK, 4000):
        hurt = bytearray(RAW)
        hurt[at : at + 10] = b"\xff" * 10
        path.write_bytes(hurt)
        file = WandbFile(path)
        rows = file.read().rows
        counts.append(len(rows))
        assert file.damaged >= 1 and rows[-1]["step"] == 390
    assert min(counts) >= 26 and sum(counts) < 44 * len(counts)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wandb").write_bytes(b"#!/bin/sh\necho hello\n")
    with pytest.raises(NotWandbError):
        WandbFile(tmp_path / "x.wandb").read()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(min_value=7, max_value=len(RAW) - 300))
def test_no_bytes_break_the_reader(tmp_path_factory: object, junk: bytes, at: int) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.wandb"  # type: ignore[attr-defined]
    path.write_bytes(RAW[:at] + junk + RAW[at + len(junk) :])
    file = WandbFile(path)
    file.read()
    assert file.offset <= len(RAW) + BLOCK


@given(st.binary(max_size=80))
def test_no_bytes_break_the_protobuf_reader(raw: bytes) -> None:
    try:
        pb.message(raw)
    except pb.WireError:
        return


def test_rows_become_metric_lines(path: Path) -> None:
    rows = WandbFile(path).read().rows
    lines = metric_rows(rows, "wandb", lambda name: -1.0)
    assert len(lines) == 44
    assert set(lines[0]) == {"ts", "kind", "source", "step", "train/loss", "train/lrm"}
    assert lines[0]["step"] == 0 and lines[1]["val/bpb"] == 3
    assert 1.6e9 < lines[0]["ts"] < 4e9


def test_what_the_run_has_already_is_left_out(path: Path) -> None:
    rows = WandbFile(path).read().rows
    known = {"train/loss": 380.0, "train/lrm": 1000.0}
    lines = metric_rows(rows, "wandb", lambda name: known.get(name, -1.0))
    assert [line["step"] for line in lines if "train/loss" in line] == [390]
    assert not any("train/lrm" in line for line in lines)
    assert [line["step"] for line in lines if "val/bpb" in line] == [0, 100, 200, 300]
