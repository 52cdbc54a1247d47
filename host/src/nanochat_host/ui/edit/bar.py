"""The line that says the layout is being edited, and has the keys while it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from nanochat_host.ui.controls.text_line import TextLine
from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.render.strips import Piece

if TYPE_CHECKING:
    from nanochat_host.ui.edit.editor import Editor


def _arrows() -> list[BindingType]:
    """The four directions; the first of each kind stands for all in the key line."""
    keys: list[BindingType] = []
    for direction in ("left", "right", "up", "down"):
        shown = direction == "left"
        keys.append(
            Binding(direction, f"move('{direction}')", "Move" if shown else "", show=shown,
                    key_display="←↑↓→")
        )  # fmt: skip
        keys.append(
            Binding(f"shift+{direction}", f"resize('{direction}')", "Size" if shown else "",
                    show=shown, key_display="⇧←→")
        )  # fmt: skip
    return keys


class EditBar(TextLine, can_focus=True):
    """Its keys go to the editor."""

    DEFAULT_CSS = "EditBar { background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "edit",
        [
            *_arrows(),
            Binding("shift+tab", "next(-1)", "Previous panel", show=False),
            Binding("a", "add", "Add"),
            Binding("enter", "options", "Options", key_display="enter"),
            Binding("ctrl+s", "save", "Save"),
            Binding("escape", "leave", "Leave", key_display="esc"),
            Binding("tab", "next(1)", "Next", key_display="tab"),
            Binding("delete,backspace", "remove", "Remove", key_display="del"),
            Binding("u,ctrl+z", "undo", "Undo", key_display="u"),
            Binding("ctrl+y,ctrl+r", "redo", "Redo", show=False),
            Binding("N", "new_screen", "New screen"),
            Binding("S", "save_as", "Save as"),
            Binding("D", "duplicate_screen", "Duplicate screen", show=False),
            Binding("M,f2", "rename_screen", "Rename screen", show=False),
            Binding("less_than_sign", "move_screen(-1)", "Screen to the left", show=False,
                    key_display="<"),
            Binding("greater_than_sign", "move_screen(1)", "Screen to the right", show=False,
                    key_display=">"),
            Binding("X", "delete_screen", "Delete screen", show=False),
        ],
    )  # fmt: skip

    def __init__(self, editor: Editor) -> None:
        super().__init__()  # no id: the one before may still be going
        self._editor = editor
        self._note: Piece = ("", "")

    def say(self, note: str, style: str = "muted") -> None:
        """What was done, or why it was not. Callers sanitise."""
        self._note = (note, style)
        self.update()

    def update(self) -> None:
        """Write the line anew."""
        editor = self._editor
        state = ("not saved", "warning") if editor.dirty else ("saved", "muted")
        pieces: list[Piece] = [(" EDIT ", "host-selection"), (f" {editor.where()}", "bold")]
        for text, style in (self._note, state, (editor.grid_words(), "muted")):
            if text:
                pieces += [(" · ", "muted"), (text, style)]
        self.show(pieces)

    def action_move(self, direction: str) -> None:
        self._editor.panels.move(direction)

    def action_resize(self, direction: str) -> None:
        self._editor.panels.resize(direction)

    def action_next(self, steps: int) -> None:
        self._editor.choose_next(steps)

    def action_add(self) -> None:
        self._editor.panels.add()

    def action_options(self) -> None:
        self._editor.open_form()

    def action_remove(self) -> None:
        self._editor.panels.remove()

    def action_undo(self) -> None:
        self._editor.undo()

    def action_redo(self) -> None:
        self._editor.redo()

    def action_save(self) -> None:
        self._editor.saving.start()

    def action_save_as(self) -> None:
        self._editor.saving.start_save_as()

    def action_leave(self) -> None:
        self._editor.toggle()

    def action_new_screen(self) -> None:
        self._editor.screens.new()

    def action_duplicate_screen(self) -> None:
        self._editor.screens.duplicate()

    def action_rename_screen(self) -> None:
        self._editor.screens.rename()

    def action_move_screen(self, steps: int) -> None:
        self._editor.screens.move(steps)

    def action_delete_screen(self) -> None:
        self._editor.screens.delete()
