"""Undo and redo of a layout: a bounded list of named steps."""

from __future__ import annotations

from dataclasses import replace

from nanochat_host.layout.edit import EditError
from nanochat_host.layout.spec import LayoutSpec

MAX_STEPS = 200


class History:
    """present: the layout as edited. saved: as it is in the file."""

    def __init__(self, layout: LayoutSpec) -> None:
        self.saved = layout
        self._start = layout
        self._steps: list[tuple[str, LayoutSpec, str]] = []
        self._done = 0

    @property
    def present(self) -> LayoutSpec:
        """The layout after the steps that are done."""
        return self._steps[self._done - 1][1] if self._done else self._start

    @property
    def dirty(self) -> bool:
        """It differs from the file."""
        return self.present.screens != self.saved.screens or self.present.title != self.saved.title

    @property
    def undo_name(self) -> str:
        """The step that `undo` takes back, "" when there is none."""
        return self._steps[self._done - 1][0] if self._done else ""

    @property
    def redo_name(self) -> str:
        """The step that `redo` does again, "" when there is none."""
        return self._steps[self._done][0] if self._done < len(self._steps) else ""

    def do(self, name: str, layout: LayoutSpec, merge: str = "") -> None:
        """A step is done; those taken back before are forgotten. merge: steps with the same key
        that follow each other are one, as the letters typed into one field."""
        del self._steps[self._done :]
        if merge and self._steps and self._steps[-1][2] == merge:
            self._steps[-1] = (name, layout, merge)
        else:
            self._steps.append((name, layout, merge))
        if len(self._steps) > MAX_STEPS:
            self._start = self._steps.pop(0)[1]
        self._done = len(self._steps)

    def undo(self) -> str:
        """Take the last step back; its name. Raises EditError when there is none."""
        if not self._done:
            raise EditError("nothing to undo")
        self._done -= 1
        return self._steps[self._done][0]

    def redo(self) -> str:
        """Do the step taken back last again; its name. Raises EditError when there is none."""
        if self._done == len(self._steps):
            raise EditError("nothing to redo")
        self._done += 1
        return self._steps[self._done - 1][0]

    def settle(self, saved: LayoutSpec) -> None:
        """The file holds `saved` now; steps may still be taken back, but not its title."""
        self.saved = saved
        self._start = replace(self._start, title=saved.title)
        self._steps = [(n, replace(layout, title=saved.title), m) for n, layout, m in self._steps]
