"""What `run logs --follow` prints of a log that grows."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nanochat_host.core.wire import StreamMessage
from nanochat_host.paths import Paths
from nanochat_host.verbs import follow
from nanochat_sdk.data import LogLine, LogPage, LogQuery, RunFacts


class Told:
    """A client of a core whose log is another page each time; the run ends with the last."""

    def __init__(self, *pages: list[LogLine]) -> None:
        self.pages = list(pages)

    def log(self, run_id: str, query: LogQuery) -> LogPage:
        return LogPage(self.pages.pop(0))

    def stream(self, run_id: str) -> Any:
        while self.pages:
            state = "done" if len(self.pages) == 1 else "running"
            yield StreamMessage(rev=1, machine_rev=1, facts=RunFacts("one", "one", state))


def lines(first: int, *texts: str) -> list[LogLine]:
    return [LogLine(first + n, text) for n, text in enumerate(texts)]


def printed(client: Told, monkeypatch: pytest.MonkeyPatch, search: str = "") -> None:
    found = SimpleNamespace(facts=SimpleNamespace(id="one"))
    monkeypatch.setattr(follow, "connect", lambda paths: client)
    monkeypatch.setattr(follow, "find_run", lambda client, word: found)
    args = argparse.Namespace(
        run="one", lines=50, search=search, level="all", follow=True, json=False
    )
    assert follow.print_log(args, Paths(Path("/none"))) == 0


def test_a_line_that_was_half_written_is_printed_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Told(lines(0, "a", "half"), lines(0, "a", "half"), lines(0, "a", "half and half", "c"))
    printed(client, monkeypatch)
    assert capsys.readouterr().out.splitlines() == ["a", "half", "half and half", "c"]


@pytest.mark.parametrize("search", ["", "k"])
def test_lines_that_were_too_many_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], search: str
) -> None:
    printed(Told(lines(0, "a"), lines(1500, "k", "kk")), monkeypatch, search)
    told = capsys.readouterr()
    assert told.out.splitlines() == ["a", "k", "kk"]
    assert ("1,499 lines left out" in told.err) == (not search)
