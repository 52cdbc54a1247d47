"""Our themes: a calm dark one, a paper-like light one, and one of high contrast."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="nanochat-dark",
    primary="#7aa2d6",
    secondary="#8f9bb3",
    accent="#e0a96d",
    warning="#d9b36c",
    error="#d9747d",
    success="#84b58b",
    foreground="#d3d7de",
    background="#14171c",
    surface="#191d24",
    panel="#222832",
    boost="#2a313d",
    dark=True,
    variables={
        "border": "#37404e",
        "border-blurred": "#2c333f",
        "foreground-muted": "#8a93a3",
        "block-cursor-background": "#2d3a4f",
        "block-cursor-foreground": "#f0f3f8",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#222832",
        "input-selection-background": "#7aa2d6 35%",
        "footer-key-foreground": "#e0a96d",
        "scrollbar": "#37404e",
        "scrollbar-hover": "#4a5567",
        "scrollbar-active": "#7aa2d6",
        "scrollbar-background": "#14171c",
        "scrollbar-background-hover": "#14171c",
        "scrollbar-background-active": "#14171c",
        "scrollbar-corner-color": "#14171c",
    },
)

LIGHT = Theme(
    name="nanochat-light",
    primary="#2f5f9e",
    secondary="#5d6675",
    accent="#a85f14",
    warning="#8f6400",
    error="#b3303d",
    success="#2f7a45",
    foreground="#23272e",
    background="#f7f5f0",
    surface="#fffdf8",
    panel="#ebe7dd",
    boost="#e2ddd0",
    dark=False,
    variables={
        "border": "#c9c2b2",
        "border-blurred": "#ddd7c9",
        "foreground-muted": "#6b7079",
        "block-cursor-background": "#d5e0f0",
        "block-cursor-foreground": "#14181f",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#ebe7dd",
        "input-selection-background": "#2f5f9e 25%",
        "footer-key-foreground": "#a85f14",
        "scrollbar": "#c9c2b2",
        "scrollbar-hover": "#b3ab98",
        "scrollbar-active": "#2f5f9e",
        "scrollbar-background": "#f7f5f0",
        "scrollbar-background-hover": "#f7f5f0",
        "scrollbar-background-active": "#f7f5f0",
        "scrollbar-corner-color": "#f7f5f0",
    },
)

CONTRAST = Theme(
    name="nanochat-contrast",
    primary="#66d9ff",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffd700",
    error="#ff6e6e",
    success="#5dff7f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    boost="#1a1a1a",
    dark=True,
    text_alpha=1.0,
    variables={
        "border": "#ffffff",
        "border-blurred": "#b0b0b0",
        "foreground-muted": "#d0d0d0",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#404040",
        "input-selection-background": "#66d9ff 60%",
        "footer-key-foreground": "#ffff00",
        "scrollbar": "#b0b0b0",
        "scrollbar-hover": "#ffffff",
        "scrollbar-active": "#ffff00",
        "scrollbar-background": "#000000",
        "scrollbar-background-hover": "#000000",
        "scrollbar-background-active": "#000000",
        "scrollbar-corner-color": "#000000",
    },
)

THEMES = (DARK, LIGHT, CONTRAST)
"""In the order in which `t` goes through them."""


def theme_after(name: str) -> str:
    """Name of the theme that follows `name`; the first one when it is not ours."""
    names = [theme.name for theme in THEMES]
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]
