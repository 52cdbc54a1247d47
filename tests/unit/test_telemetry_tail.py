"""Following a file that grows, tears, shrinks, is replaced or is not there yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nanochat_host.core.telemetry import tail as module
from nanochat_host.core.telemetry.tail import Tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def take(tail: Tail, limit: int = 1000) -> bytes:
    tail.refresh()
    out = b""
    while chunk := tail.read(limit):
        out += chunk
    return out


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_file_that_is_not_there_yet(path: Path) -> None:
    tail = Tail(path)
    assert take(tail) == b""
    append(path, b"one\n")
    assert take(tail) == b"one\n"


def test_a_last_line_waits_for_its_newline(path: Path) -> None:
    tail = Tail(path)
    append(path, b"one\ntw")
    assert take(tail) == b"one\n"
    append(path, b"o\nthree\n")
    assert take(tail) == b"two\nthree\n"


def test_what_is_left_at_the_end_of_a_run(path: Path) -> None:
    tail = Tail(path)
    append(path, b"one\ntwo")
    assert take(tail) == b"one\n"
    assert tail.rest() == b"two\n"
    assert tail.rest() == b""


@pytest.mark.parametrize("limit", [1, 2, 5, 64])
def test_lines_come_whole_whatever_the_limit(path: Path, limit: int) -> None:
    data = b"".join(b"x" * (i % 40) + b"\n" for i in range(200))
    append(path, data)
    tail = Tail(path)
    tail.refresh()
    chunks = []
    while chunk := tail.read(limit):
        assert chunk.endswith(b"\n")
        chunks.append(chunk)
    assert b"".join(chunks) == data


def test_truncation_begins_again(path: Path) -> None:
    tail = Tail(path)
    append(path, b"one\ntwo\n")
    take(tail)
    path.write_bytes(b"new\n")
    assert tail.refresh() and tail.resets == 1
    assert take(tail) == b"new\n"


def test_replacement_begins_again(path: Path) -> None:
    tail = Tail(path)
    append(path, b"one\n")
    take(tail)
    other = path.with_name("other")
    other.write_bytes(b"longer than before\n")
    os.replace(other, path)  # noqa: PTH105
    assert tail.refresh()
    assert take(tail) == b"longer than before\n"


def test_a_monstrous_line_is_passed_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 512)
    append(path, b"a\n" + b"\0" * 5000 + b"\nb\n")
    tail = Tail(path)
    tail.refresh()
    out = b""
    while tail.behind:
        out += tail.read(64)
    assert out == b"a\nb\n"
    assert tail.skipped == 1


def test_a_mark_is_taken_up_by_the_same_file_only(path: Path) -> None:
    append(path, b"one\n" * 1000)
    tail = Tail(path)
    take(tail, 64)
    mark = tail.mark()
    append(path, b"two\n")
    again = Tail(path)
    assert again.resume(mark)
    assert take(again) == b"two\n"
    path.write_bytes(b"One\n" + b"one\n" * 2000)
    assert not Tail(path).resume(mark)
    path.write_bytes(b"one\n")
    assert not Tail(path).resume(mark)
