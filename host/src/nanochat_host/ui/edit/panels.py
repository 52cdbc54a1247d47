"""Edits of the open tab's panels: move, resize, remove, add."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanochat_host.layout import edit
from nanochat_host.layout.settle import step_border
from nanochat_host.layout.spec import At, LayoutSpec
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.edit.drag import How

if TYPE_CHECKING:
    from nanochat_host.ui.edit.editor import Editor


class Panels:
    """Each is about the chosen panel, or chooses the one it is about."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def move(self, direction: str) -> None:
        """The chosen panel by one field."""
        self._on_chosen(
            "move",
            lambda layout, screen, panel: edit.move_panel(
                layout, screen, panel, direction, self._editor.narrow
            ),
        )

    def resize(self, direction: str) -> None:
        """A border of the chosen panel by one field."""
        screen = self._editor.screen

        def change(layout: LayoutSpec, screen_id: str, panel_id: str) -> LayoutSpec:
            at = self._editor.place(panel_id) or At(0, 0, screen.columns, 1)
            to = step_border(at, direction, screen.columns, screen.rows)
            return edit.resize_panel(layout, screen_id, panel_id, to, self._editor.narrow)

        self._on_chosen("resize", change)

    def drop(self, panel_id: str, at: At, how: How) -> None:
        """The mouse let go of a panel. how: `edit.put_panel` or `edit.resize_panel`."""
        name = "move" if how is edit.put_panel else "resize"
        self._editor.chosen = panel_id
        self._on_chosen(name, lambda layout, s, p: how(layout, s, p, at, self._editor.narrow))

    def remove(self, panel_id: str = "") -> None:
        """Take a panel off the screen, the chosen one if none is named."""
        self._editor.enter()
        self._editor.chosen = panel_id or self._editor.chosen
        self._on_chosen("remove", edit.remove_panel)

    def add(self) -> None:
        """Choose a panel from the gallery, and add it."""
        from nanochat_host.ui.edit.gallery import Gallery

        editor = self._editor

        def chosen(name: str | None) -> None:
            entry = editor.host.deck.catalog.panels.get(name or "")
            if name is None or entry is None:
                return
            options = {key: spec.default for key, spec in entry.panel.options.items()}
            screen_id, beside = editor.screen.id, editor.chosen
            least = self._fields(entry.panel.min_size)

            def change(layout: LayoutSpec) -> LayoutSpec:
                layout, editor.chosen = edit.add_panel(
                    layout, screen_id, name, options, beside, least
                )
                return layout

            editor.do(f"add {clean(entry.panel.title)}", change)

        editor.host.push_screen(Gallery(editor.dashboard), chosen)

    def _on_chosen(self, what: str, change: Callable[[LayoutSpec, str, str], LayoutSpec]) -> None:
        view = self._editor.view
        if view is None:
            self._editor.say("there is no panel here; a adds one", "warning")
            return
        screen_id, panel_id = self._editor.screen.id, self._editor.chosen
        name = f"{what} {clean(view.title)}"
        self._editor.do(name, lambda layout: change(layout, screen_id, panel_id))

    def _fields(self, cells: tuple[int, int]) -> tuple[int, int]:
        """Columns and rows of the grid that a panel of so many cells takes, its frame included."""
        grid, screen = self._editor.dashboard.grid, self._editor.screen
        width, height = grid.size if grid is not None else self._editor.dashboard.size
        across = -(-(cells[0] + 4) * screen.columns // max(1, width))
        down = -(-(cells[1] + 2) * screen.rows // max(1, height))
        return min(across, screen.columns), min(down, screen.rows)
