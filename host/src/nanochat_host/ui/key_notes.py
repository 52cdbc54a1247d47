"""Which key does what, and where: the help screen lists it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyNote:
    """One key. place: where it works."""

    place: str
    key: str
    does: str


GENERAL = (
    KeyNote("Anywhere", "F1 ?", "this help"),
    KeyNote("Anywhere", "ctrl+p", "command palette: every action by name"),
    KeyNote("Anywhere", "h", "home"),
    KeyNote("Anywhere", "r", "runs"),
    KeyNote("Anywhere", "d", "dashboard of the run on show"),
    KeyNote("Anywhere", "o", "its output, as a log"),
    KeyNote("Anywhere", "n", "start a run"),
    KeyNote("Anywhere", "t", "next theme: dark, light, high contrast"),
    KeyNote("Anywhere", "q ctrl+q", "close the terminal; runs go on"),
    KeyNote("Chat", "enter v", "talk to the checkpoint; hear it beside the first"),
    KeyNote("Chat", "ctrl+r ctrl+s", "prompts worth keeping; keep this one"),
    KeyNote("Chat", "ctrl+t ctrl+f", "temperature and the like; find a transcript"),
    KeyNote("Dashboard", "1-9", "screen of the layout"),
    KeyNote("Dashboard", "tab shift+tab", "next, previous panel"),
    KeyNote("Dashboard", "arrows", "panel in that direction, if this one does not use them"),
    KeyNote("Dashboard", "ctrl+arrows alt+hjkl", "panel in that direction, always"),
    KeyNote("Dashboard", "z enter", "panel to full screen, and back; esc too"),
    KeyNote("Dashboard", "R", "restart a panel that failed"),
    KeyNote("Steering", "c", "save a checkpoint after this step"),
    KeyNote("Steering", "p space", "pause or resume"),
    KeyNote("Steering", "e", "evaluate now"),
    KeyNote("Steering", "g", "generate samples now"),
    KeyNote("Steering", "x", "stop: asks how"),
    KeyNote("Charts", "left right", "cursor with values"),
    KeyNote("Charts", "+ -", "zoom in, out around the cursor"),
    KeyNote("Charts", "shift+left shift+right", "pan"),
    KeyNote("Charts", "0", "whole range"),
    KeyNote("Charts", "l L", "log scale of y, of x"),
    KeyNote("Charts", "s S", "more, less smoothing"),
    KeyNote("Runs", "/", "filter"),
    KeyNote("Runs", "enter", "open the dashboard"),
    KeyNote("Runs", "x", "stop"),
    KeyNote("Runs", "del", "delete a run that has ended"),
    KeyNote("Log", "/", "search the whole log"),
    KeyNote("Log", "v 1 2 3", "level"),
    KeyNote("Log", "f end", "follow"),
    KeyNote("Log", "w", "wrap long lines"),
)
