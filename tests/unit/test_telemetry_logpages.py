"""Pages of a log: the tail, a search, a level; bounded however long the log is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanochat_host.core.telemetry import logindex
from nanochat_host.core.telemetry.logindex import LogIndex, page
from nanochat_host.core.telemetry.loglevel import level_of, plain
from nanochat_sdk.data import LogQuery

LETTERS = st.characters(codec="ascii", categories=["L", "N"])


def index_of(data: bytes, size: int = 4096) -> LogIndex:
    index, at = LogIndex(), 0
    while at < len(data):
        end = data.rfind(b"\n", at, at + size) + 1
        if end <= at:
            break
        index.grow(data[at:end])
        at = end
    return index


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(LETTERS, max_size=300), max_size=400),
    st.integers(1, 120),
    st.booleans(),
    st.sampled_from(["", "a", "ZZ"]),
)  # fmt: skip
def test_pages_equal_brute_force(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], want: int, torn: bool, search: str
) -> None:
    data = "".join(f"{line}\n" for line in lines).encode() + (b"torn" if torn else b"")
    path = tmp_path_factory.mktemp("log") / "out.log"
    path.write_bytes(data)
    everything = [*lines, *(["torn"] if torn else [])]
    matching = [(n, t) for n, t in enumerate(everything) if search.lower() in t.lower()]
    found = page(path, index_of(data), LogQuery(want, search))
    assert [(line.n, line.text) for line in found.lines] == matching[-want:]
    assert (found.total, found.matched) == (len(everything), len(matching))


def test_levels(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    text = b"fine\nWARNING: Flash Attention 3 not available\nTraceback (most recent call last)\n"
    path.write_bytes(text + b"ValueError: no\nfine\n")
    index = index_of(path.read_bytes())
    loud = page(path, index, LogQuery(10, level="error")).lines
    assert [line.text for line in loud] == ["Traceback (most recent call last)", "ValueError: no"]
    assert len(page(path, index, LogQuery(10, level="warning")).lines) == 3


def test_a_long_log_costs_no_more_than_a_search_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logindex, "SEARCH_BYTES", 256 * 1024)
    path = tmp_path / "out.log"
    data = b"needle\n" + b"hay\n" * 500_000
    path.write_bytes(data)
    read = []
    real = logindex.os.pread
    monkeypatch.setattr(logindex.os, "pread", lambda fd, n, at: read.append(n) or real(fd, n, at))
    found = page(path, index_of(data), LogQuery(5, "needle"))
    assert found.lines == [] and found.total == 500_001
    assert sum(read) <= 512 * 1024
    read.clear()
    assert page(path, index_of(data), LogQuery(5)).lines[-1].n == 500_000
    assert sum(read) <= 128 * 1024


def test_an_index_far_behind_estimates(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    data = b"0123456789abcde\n" * 50_000
    path.write_bytes(data)
    found = page(path, index_of(data[:160_000]), LogQuery(3))
    assert found.total == pytest.approx(50_000, rel=0.01)
    assert len(found.lines) == 3


def test_no_log_is_an_empty_page(tmp_path: Path) -> None:
    assert page(tmp_path / "none", LogIndex(), LogQuery()).lines == []


def test_lines_as_a_terminal_would_show_them() -> None:
    assert plain(b"\x1b[32m\x1b[1mINFO\x1b[0m ok\r\n") == "INFO ok"
    assert plain(b"\r\x1b[KRank 0 | 1/2\r\x1b[KRank 0 | 2/2") == "Rank 0 | 2/2"
    assert plain(b"\x1b]8;;http://x\x07link\x1b]8;;\x07") == "link"
    assert plain(b"\xff\xfe") == "\ufffd\ufffd"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("step 00001 (5.00%) | loss: 4.18", "info"),
        ("2026-11-22 - x - ERROR - no", "error"),
        ("[rank1]: RuntimeError: bad", "error"),
        ("UserWarning: old", "warning"),
        ("Attempt 1/5 failed for shard", "warning"),
        ("0 errors", "info"),
    ],
)
def test_level_of_a_line(text: str, level: str) -> None:
    assert level_of(text) == level
