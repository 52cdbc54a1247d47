"""Keys that a focused panel has from the host. Ids, so that a keymap of one's own can move them."""

from __future__ import annotations

from nanochat_sdk.protocol import KeyHelp
from textual.binding import Binding, BindingsMap, BindingType
from textual.keys import _character_to_key

CHART_BINDINGS: tuple[BindingType, ...] = (
    Binding("left", "cursor(-1)", "Cursor", show=False, id="chart.cursor_left"),
    Binding("right", "cursor(1)", "Cursor", show=False, id="chart.cursor_right"),
    Binding("shift+left", "pan(-1)", "Pan", show=False, id="chart.pan_left"),
    Binding("shift+right", "pan(1)", "Pan", show=False, id="chart.pan_right"),
    Binding("plus,equals_sign,right_square_bracket", "zoom_x(True)", "Zoom in", key_display="+",
            id="chart.zoom_in"),
    Binding("minus,left_square_bracket", "zoom_x(False)", "Zoom out", key_display="-", show=False,
            id="chart.zoom_out"),
    Binding("0", "reset_view", "Reset", show=False, id="chart.reset"),
    Binding("l", "log('y')", "Log y", id="chart.log_y"),
    Binding("L", "log('x')", "Log x", show=False, id="chart.log_x"),
    Binding("s", "smooth(1)", "Smooth", id="chart.smooth_more"),
    Binding("S", "smooth(-1)", "Less smooth", show=False, id="chart.smooth_less"),
)  # fmt: skip
PANEL_BINDINGS: tuple[BindingType, ...] = (
    Binding("up", "move(-1)", show=False, id="panel.up"),
    Binding("down", "move(1)", show=False, id="panel.down"),
    Binding("pageup", "move(-10)", show=False, id="panel.page_up"),
    Binding("pagedown", "move(10)", show=False, id="panel.page_down"),
    Binding("enter", "activate", show=False, id="panel.activate"),
    Binding("enter", "fill_in", "Fill in", id="panel.fill_in"),
    Binding("ctrl+s", "send_entry", "Send", id="panel.send"),
    Binding("escape", "leave_entry", "Back", id="panel.leave_entry"),
    Binding("R", "restart", "Restart panel", id="panel.restart"),
    Binding("z", "zoom_panel", "Zoom", id="panel.zoom"),
    Binding("i", "missing('install')", "Install pack", id="panel.install"),
    Binding("delete", "missing('remove')", "Remove panel", id="panel.remove"),
)
CHART_ACTIONS = frozenset({"cursor", "pan", "zoom_x", "reset_view", "log", "smooth"})
"""Actions that need a chart."""


KEPT = frozenset("q?zR")
"""Characters that stay the host's: quit, help, zoom, restart of the panel."""


def may_declare(key: str) -> bool:
    """A panel may listen to a character. Keys with a name (tab, escape, enter, those with ctrl)
    lead out of it, and are the host's."""
    return len(key) == 1 and not key.isspace() and key not in KEPT


def with_declared(inherited: BindingsMap, declared: tuple[KeyHelp, ...]) -> BindingsMap:
    """The host's bindings and those a panel declares, which come first where both want a key; but
    no panel gets a key that leads out of it."""
    merged = inherited.copy()
    for index, key in enumerate(declared):
        if not may_declare(key.key):
            continue
        spelled = _character_to_key(key.key)
        binding = Binding(spelled, f"declared({index})", key.help, key_display=key.key)
        merged.key_to_bindings[spelled] = [binding]
    return merged
