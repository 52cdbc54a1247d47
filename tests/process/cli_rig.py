"""`nanochat-cli` as a person calls it: a process of its own, in a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from core_rig import until
from nanochat_host.core.client import CoreClient
from nanochat_host.core.start import core_is_up
from nanochat_host.core.wire import StopRun
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import Paths

OTHERS = ("NANOCHAT_CLI", "WANDB_API_KEY", "HF_TOKEN")
"""Variables that begin so are of whoever runs the tests."""


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        return dict(json.loads(self.err)["error"])


class Program:
    """folder: where it is called, by default where the tests are. env: variables to set."""

    def __init__(self, paths: Paths, folder: Path | None = None, **env: str) -> None:
        self.paths, self.folder = paths, folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(OTHERS)}
        self.env |= {"NANOCHAT_CLI_HOME": str(paths.home), **env}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "nanochat_host.cli", *words]

    def run(
        self, *words: str, code: int | None = 0, given: str = "", env: dict[str, str] | None = None
    ) -> Answer:
        """code: with which it must end, None for any. given: typed, then the end of input."""
        done = subprocess.run(
            self.command(*words), cwd=self.folder, env=self.env | (env or {}), input=given,
            capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        assert code in (None, done.returncode), (words, done.stdout, done.stderr)
        return Answer(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str, code: int | None = 0, given: str = "") -> Any:
        return self.run(*words, "--json", code=code, given=given).data

    def close(self) -> None:
        """End what runs in this home, and its core."""
        if not core_is_up(self.paths):
            return
        client = CoreClient(self.paths)
        for summary in client.runs():
            with contextlib.suppress(NanochatCliError):  # it has ended
                client.stop_run(summary.facts.id, StopRun(mode="kill"))
        client.shutdown()
        until(lambda: not core_is_up(self.paths), "the core is down")


class Cli(Program):
    """Called with words, it gives the answer."""

    def __call__(self, *words: str, code: int | None = 0) -> Answer:
        return self.run(*words, code=code)


class Said(Program):
    """In a folder that is the person's home too. Called with words, it gives what was said, on
    either stream."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Paths(folder / "home"), folder, HOME=str(folder))
        self.folder: Path = folder

    def __call__(
        self, *words: str, code: int = 0, given: str = "", env: dict[str, str] | None = None
    ) -> str:
        answer = self.run(*words, code=code, given=given, env=env)
        return answer.out + answer.err


class Page(HTMLParser):
    """Tags that are closed, and nothing that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
