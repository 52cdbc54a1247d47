"""Which key does what, and where: the help screen lists it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec


class KeyNote(msgspec.Struct, frozen=True):
    """One key. place: where it works. ids: of its bindings, by which a keymap may have moved it."""

    place: str
    key: str
    does: str
    ids: tuple[str, ...] = ()

    def shown(self, keymap: Mapping[str, str]) -> str:
        """The keys as they are now."""
        moved = [keymap[name].replace(",", " ") for name in self.ids if name in keymap]
        return " ".join(moved) or self.key


GENERAL = (
    KeyNote("Anywhere", "F1 ?", "this help"),
    KeyNote("Anywhere", "ctrl+p", "command palette: every action by name"),
    KeyNote("Anywhere", "h", "home", ("app.show.home",)),
    KeyNote("Anywhere", "r", "runs", ("app.show.runs",)),
    KeyNote("Anywhere", "d", "dashboard of the run on show", ("app.show.dashboard",)),
    KeyNote("Anywhere", "o", "its output, as a log", ("app.show.log",)),
    KeyNote("Anywhere", "A", "alerts, what to do, limits", ("app.show.alerts",)),
    KeyNote("Anywhere", "H", "health, sources, accounts", ("app.show.accounts",)),
    KeyNote("Anywhere", "n", "start a run", ("app.new_run",)),
    KeyNote("Anywhere", "t", "next theme: dark, light, high contrast", ("app.next_theme",)),
    KeyNote("Anywhere", "T", "all themes, tried as you move", ("app.ask_theme",)),
    KeyNote("Anywhere", "ctrl+g", "jump: a letter on everything", ("app.jump",)),
    KeyNote("Anywhere", "y", "copy the values of what has the focus", ("app.copy",)),
    KeyNote("Anywhere", "q ctrl+q", "close the terminal; runs go on"),
    KeyNote("Chat", "enter v", "talk to it; hear it beside the first"),
    KeyNote("Chat", "ctrl+r ctrl+s", "prompts worth keeping; keep this one"),
    KeyNote("Chat", "ctrl+t ctrl+f", "temperature, top-k; find a transcript"),
    KeyNote("Dashboard", "1-9", "screen of the layout"),
    KeyNote("Dashboard", "tab shift+tab", "next, previous panel"),
    KeyNote("Dashboard", "arrows", "panel there, unless this one uses them"),
    KeyNote("Dashboard", "ctrl+arrows alt+hjkl", "panel there, always"),
    KeyNote("Dashboard", "z enter", "panel to full screen, and back; esc too", ("panel.zoom",)),
    KeyNote("Dashboard", "R", "restart a panel that failed", ("panel.restart",)),
    KeyNote("Dashboard", "E ctrl+e", "edit the layout", ("dashboard.edit",)),
    KeyNote("Dashboard", "f5", "read the layout's file again", ("dashboard.reload_layout",)),
    KeyNote("Editing", "arrows", "move the panel; swap with one in the way"),
    KeyNote("Editing", "shift+arrows", "move its right or lower border"),
    KeyNote("Editing", "tab shift+tab", "next, previous panel", ("edit.next.1",)),
    KeyNote("Editing", "mouse", "drag a title to move, an edge to resize"),
    KeyNote("Editing", "a", "add a panel from the gallery", ("edit.add",)),
    KeyNote("Editing", "enter", "options of the panel, applied as you type", ("edit.options",)),
    KeyNote("Editing", "del", "remove the panel", ("edit.remove",)),
    KeyNote("Editing", "u ctrl+z", "undo", ("edit.undo",)),
    KeyNote("Editing", "ctrl+y ctrl+r", "redo", ("edit.redo",)),
    KeyNote("Editing", "ctrl+s S", "save; save as another layout", ("edit.save", "edit.save_as")),
    KeyNote("Editing", "N D M X", "new, duplicate, rename, delete screen"),
    KeyNote("Editing", "< >", "move the screen to the left, to the right"),
    KeyNote("Steering", "c", "save a checkpoint after this step", ("dashboard.steer.save",)),
    KeyNote("Steering", "p space", "pause or resume", ("dashboard.pause",)),
    KeyNote("Steering", "e", "evaluate now", ("dashboard.steer.eval",)),
    KeyNote("Steering", "g", "generate samples now", ("dashboard.steer.sample",)),
    KeyNote("Steering", "x", "stop: asks how", ("dashboard.stop",)),
    KeyNote(
        "Charts", "left right", "cursor with values", ("chart.cursor_left", "chart.cursor_right")
    ),
    KeyNote("Charts", "+ -", "zoom in, out around the cursor", ("chart.zoom_in", "chart.zoom_out")),
    KeyNote("Charts", "shift+left shift+right", "pan", ("chart.pan_left", "chart.pan_right")),
    KeyNote("Charts", "0", "whole range", ("chart.reset",)),
    KeyNote("Charts", "l L", "log scale of y, of x", ("chart.log_y", "chart.log_x")),
    KeyNote("Charts", "s S", "more, less smoothing", ("chart.smooth_more", "chart.smooth_less")),
    KeyNote("Start", "enter", "change the value; esc leaves it", ("start.choose",)),
    KeyNote("Start", "tab", "typing: take the nearest legal value"),
    KeyNote("Start", "left right space", "next choice of an option that has some"),
    KeyNote("Start", "p g", "choose a prefab; the GPUs to plan for", ("start.prefab", "start.gpu")),
    KeyNote("Start", "1-9 a", "accept the fix of a finding; of all", ("start.accept_all",)),
    KeyNote("Start", "v /", "only what differs; search", ("start.changed", "start.filter")),
    KeyNote("Start", "backspace", "back to the prefab's, then the script's"),
    KeyNote("Start", "w s", "save as a prefab; start", ("start.save", "start.start")),
    KeyNote("Checkpoints", "enter", "everything to do with it", ("checkpoints.choose",)),
    KeyNote("Checkpoints", "v", "verify its files and weights", ("checkpoints.verify",)),
    KeyNote("Checkpoints", "u s e", "resume, next stage, evaluate"),
    KeyNote("Checkpoints", "c w", "chat with it; reshard for other processes"),
    KeyNote("Checkpoints", "k del", "keep the newest; delete: show what goes"),
    KeyNote("Runs", "/", "search", ("runs.filter",)),
    KeyNote("Runs", "enter", "open the dashboard", ("runs.choose",)),
    KeyNote("Runs", "space", "mark to be compared", ("runs.mark",)),
    KeyNote("Runs", "m", "compare the marked runs", ("runs.compare",)),
    KeyNote("Runs", "x", "stop", ("runs.stop",)),
    KeyNote("Runs", "del", "delete a run that has ended", ("runs.delete",)),
    KeyNote("Runs", "shift+up shift+down", "a queued run: later, sooner"),
    KeyNote("Runs", "p", "stop or go on starting from the queue", ("runs.pause_queue",)),
    KeyNote("Compare", "m a", "metric, axis", ("compare.metric", "compare.axis")),
    KeyNote("Compare", "g space", "group, hide a run", ("compare.group", "compare.hide")),
    KeyNote("Alerts", "enter backspace", "change a limit; its default"),
    KeyNote("Alerts", "space w", "rule on or off; alerts of all runs"),
    KeyNote("Accounts", "enter c del", "log in, check, forget"),
    KeyNote("Accounts", "i y", "import tokens; copy the W&B link"),
    KeyNote("Report card", "c f5", "another checkout; look again"),
    KeyNote("Set up", "enter", "do what the row offers", ("setup.choose",)),
    KeyNote("Set up", "a c", "add a checkout; go to another", ("setup.add", "setup.other")),
    KeyNote("Set up", "s", "start a run with it", ("setup.start",)),
    KeyNote("Set up", "x", "stop what is under way", ("setup.stop",)),
    KeyNote("Set up", "f5", "look again", ("setup.look_again",)),
    KeyNote("Packs", "i u", "install; update", ("packs.install", "packs.update")),
    KeyNote("Packs", "enter", "give or take a permission", ("packs.choose",)),
    KeyNote("Packs", "space", "on or off; it stays installed", ("packs.toggle_enabled",)),
    KeyNote("Packs", "del", "remove: asks first", ("packs.remove",)),
    KeyNote("Packs", "w R", "run it without walls; restart its panels"),
    KeyNote("Prefabs", "type enter", "search; take the one chosen"),
    KeyNote("Prefabs", "del", "delete one of your own: asks first"),
    KeyNote("Log", "/", "search the whole log", ("log.search",)),
    KeyNote("Log", "v 1 2 3", "level"),
    KeyNote("Log", "f end", "follow", ("log.follow",)),
    KeyNote("Log", "w", "wrap long lines", ("log.wrap",)),
)

_FIRST = {
    "dashboard": ("Dashboard", "Steering", "Charts", "Editing"),
    "editing": ("Editing",),
    "start": ("Start", "Prefabs"),
    "compare": ("Compare", "Charts"),
    "card": ("Report card",),
    "setup": ("Set up",),
}


def ordered(notes: Iterable[KeyNote], mode: str) -> list[KeyNote]:
    """Those of the screen that is seen first. mode: as in `modes.PLACES`, or "editing"."""
    first = _FIRST.get(mode, (mode.capitalize(),))
    rank = {place: index for index, place in enumerate(first)}
    return sorted(notes, key=lambda note: rank.get(note.place, len(rank)))
