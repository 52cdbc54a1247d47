"""The screens by name. Each is imported when it is first shown, to keep the first paint early."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.screen import Screen


class Place(msgspec.Struct, frozen=True):
    """A full screen. where: "module:Class" below `ui.screens`. title, help: its line in the palette
    and in the list of places at home; no title: reached another way. remembered: the UI may open
    there again."""

    where: str
    title: str = ""
    help: str = ""
    remembered: bool = False

    def open(self) -> Screen[Any]:
        """Import and make it."""
        module, _, name = self.where.partition(":")
        made: Screen[Any] = getattr(import_module(f"nanochat_host.ui.screens.{module}"), name)()
        return made


PLACES: dict[str, Place] = {
    "home": Place("home:HomeScreen", "Home", "what to do next", remembered=True),
    "runs": Place("runs:RunsScreen", "Runs", "list, filter, open, delete", remembered=True),
    "dashboard": Place(
        "dashboard:DashboardScreen", "Dashboard", "panels of the run on show", remembered=True
    ),
    "log": Place("log:LogScreen", "Log", "what the run prints", remembered=True),
    "start": Place("start:StartScreen"),
    "checkpoints": Place(
        "checkpoints:CheckpointsScreen",
        "Checkpoints",
        "verify, resume, continue, evaluate, delete",
        remembered=True,
    ),
    "setup": Place("setup:SetupScreen", "Set up a checkout", "environment, text, tokenizer"),
    "compare": Place("compare:CompareScreen", "Compare", "runs side by side in one chart"),
    "card": Place("card:CardScreen", "Report card", "what evaluations measured, across stages"),
    "alerts": Place("alerts:AlertsScreen", "Alerts", "what is wrong and what to do; limits"),
    "accounts": Place(
        "accounts:AccountsScreen", "Health, sources, accounts", "how telemetry stands; logins"
    ),
    "packs": Place("packs:PacksScreen", "Packs", "panels of others: install, grant, use"),
    "chat": Place("chat:ChatScreen", "Chat", "talk to checkpoints, one or two side by side"),
}
"""In the order of the palette."""

REMEMBERED = frozenset(name for name, place in PLACES.items() if place.remembered)
"""Modes in which the UI may open again."""

MODES: dict[str, Callable[[], Screen[Any]]] = {
    name: partial(place.open) for name, place in PLACES.items()
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
