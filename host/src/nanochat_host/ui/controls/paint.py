"""The palette of the active theme, made once per theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nanochat_host.ui.render.palette import Palette

if TYPE_CHECKING:
    from textual.app import App

_made: dict[str, Palette] = {}


def palette_for(app: App[Any]) -> Palette:
    """Palette of the app's active theme; cheap enough for every painted line."""
    name = app.theme
    palette = _made.get(name)
    if palette is None:
        palette = _made[name] = Palette.from_theme(app)
    return palette
