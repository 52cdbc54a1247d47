"""The screens by name. Each is imported when it is first shown, to keep the first paint early."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.screen import Screen

REMEMBERED = frozenset({"home", "runs", "dashboard", "log"})
"""Modes in which the UI may open again."""


def _home() -> Screen[Any]:
    from nanochat_host.ui.screens.home import HomeScreen

    return HomeScreen()


def _runs() -> Screen[Any]:
    from nanochat_host.ui.screens.runs import RunsScreen

    return RunsScreen()


def _dashboard() -> Screen[Any]:
    from nanochat_host.ui.screens.dashboard import DashboardScreen

    return DashboardScreen()


def _log() -> Screen[Any]:
    from nanochat_host.ui.screens.log import LogScreen

    return LogScreen()


def _start() -> Screen[Any]:
    from nanochat_host.ui.screens.start import StartScreen

    return StartScreen()


def _chat() -> Screen[Any]:
    from nanochat_host.ui.screens.chat import ChatScreen

    return ChatScreen()


MODES: dict[str, Callable[[], Screen[Any]]] = {
    "home": _home,
    "runs": _runs,
    "dashboard": _dashboard,
    "log": _log,
    "start": _start,
    "chat": _chat,
}


def host_commands() -> type[Provider]:
    """Provider of the command palette; imported when the palette opens."""
    from nanochat_host.ui.commands import HostCommands

    return HostCommands


def first_mode(remembered: str, wants_run: bool, wants_layout: bool) -> str:
    """The mode to open in: what was asked for, else where the person was, else home."""
    if wants_run or wants_layout:
        return "dashboard"
    return remembered if remembered in REMEMBERED else "home"
