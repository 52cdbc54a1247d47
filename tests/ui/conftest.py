"""Fixtures of the UI tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_rig import FakeCore, Host
from settling import settled


@pytest.fixture(autouse=True)
def _keys_are_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pilot goes on when the app has done with what it was given, however busy the machine."""
    monkeypatch.setattr("textual.app.wait_for_idle", settled)
    monkeypatch.setattr("textual.pilot.wait_for_idle", settled)


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def host(tmp_path: Path, core: FakeCore, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Host(tmp_path / "home", core)
