"""What `pack dev` opens: the layout its panels are shown in, and how they come to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nanochat_host.packs.catalog import PanelEntry
from nanochat_host.paths import Paths, atomic_write

GRID = 12
ASIDE = ("builtin:loss", "builtin:log")
"""Shown beside the panels, so that it is seen what they have to work with."""


def write_layout(paths: Paths, entries: Sequence[PanelEntry]) -> Path:
    """A layout with the panels at the left, one above another, two abreast from the fourth on.
    Returns its file. Raises OSError."""
    pack = entries[0].pack
    abreast = 1 if len(entries) < 4 else 2
    rows = -(-len(entries) // abreast)
    tall = max(2, GRID // rows)
    lines = [
        f"# Made by `pack dev` for {pack.id}.",
        "version = 1",
        f'title = "{pack.id}"',
        "[[screens]]",
        'id = "dev"',
        'title = "Dev"',
        f"rows = {max(GRID, rows * tall)}",
    ]
    for number, entry in enumerate(entries):
        width = 8 // abreast
        at = [number % abreast * width, number // abreast * tall, width, tall]
        lines += _panel(entry.panel.id, entry.name, at)
    for number, name in enumerate(ASIDE):
        lines += _panel(f"aside-{number}", name, [8, 6 * number, 4, 6])
    folder = paths.ui_state
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"dev-{pack.id}.toml"
    atomic_write(file, "\n".join(lines) + "\n")
    return file


def _panel(panel_id: str, name: str, at: list[int]) -> list[str]:
    return ["[[screens.panels]]", f'id = "{panel_id}"', f'panel = "{name}"', f"at = {at}"]
