"""Fixtures of the UI tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_rig import FakeCore, Host


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def host(tmp_path: Path, core: FakeCore, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Host(tmp_path / "home", core)
