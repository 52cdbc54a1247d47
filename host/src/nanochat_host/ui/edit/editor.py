"""Edits the layout on the screen: what is chosen, what was done, what is to be saved.

Keys come from the EditBar, the mouse from `drag`. Every edit is a new LayoutSpec that the dashboard
becomes at once; panels that it leaves alone keep their workers and do not notice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from nanochat_host.layout import edit
from nanochat_host.layout.edit import EditError
from nanochat_host.layout.history import History
from nanochat_host.layout.place import is_narrow
from nanochat_host.layout.save import LayoutFile
from nanochat_host.layout.spec import At, LayoutSpec, Placement, ScreenSpec
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.edit.bar import EditBar
from nanochat_host.ui.edit.drag import Drag
from nanochat_host.ui.edit.unsaved import Unsaved
from nanochat_host.ui.widgets.panel_body import EditLook
from nanochat_host.ui.widgets.panel_view import PanelView

if TYPE_CHECKING:
    from nanochat_host.ui.deck import Deck
    from nanochat_host.ui.edit.form import SideForm
    from nanochat_host.ui.edit.panels import Panels
    from nanochat_host.ui.edit.saving import Saving
    from nanochat_host.ui.edit.screens import Screens
    from nanochat_host.ui.screens.deck_screen import DeckScreen


class Editor:
    """active: the layout is being edited now. file: what the layout was read from. history: what
    was done to it. chosen: id of the panel that keys go to."""

    def __init__(self, dashboard: DeckScreen) -> None:
        deck = dashboard.host.deck
        self.dashboard = dashboard
        self.host = dashboard.host
        self.active = False
        self.begin(deck)
        self.chosen = ""
        self.bar: EditBar | None = None
        self.form: SideForm | None = None
        self.drag = Drag(self)
        self.unsaved = Unsaved(self)

    def begin(self, deck: Deck) -> None:
        """Edits begin from this version of the file."""
        self.file = LayoutFile(deck.layout.path, deck.text)
        self.history = History(deck.layout)

    @cached_property
    def saving(self) -> Saving:
        """Saving, and what is asked before."""
        from nanochat_host.ui.edit.saving import Saving

        return Saving(self)

    @cached_property
    def panels(self) -> Panels:
        """Edits of the open tab's panels."""
        from nanochat_host.ui.edit.panels import Panels

        return Panels(self)

    @cached_property
    def screens(self) -> Screens:
        """Edits of the tabs."""
        from nanochat_host.ui.edit.screens import Screens

        return Screens(self)

    # What it is about

    @property
    def layout(self) -> LayoutSpec:
        """The layout as edited."""
        return self.history.present

    @property
    def dirty(self) -> bool:
        """There are edits that the file does not have."""
        return self.history.dirty

    @property
    def screen(self) -> ScreenSpec:
        """The screen of the open tab."""
        return self.layout.screen(self.dashboard.screen_id) or self.layout.screens[0]

    @property
    def panel(self) -> Placement | None:
        """The chosen panel."""
        return self.screen.panel(self.chosen)

    @property
    def view(self) -> PanelView | None:
        """The chosen panel on the screen."""
        return self.view_of(self.chosen)

    def view_of(self, panel_id: str) -> PanelView | None:
        """A panel of the open tab on the screen."""
        views = self.dashboard.grid.views if self.dashboard.grid else []
        return next((view for view in views if view.placement.id == panel_id), None)

    @property
    def narrow(self) -> bool:
        """`at_narrow` is edited."""
        return is_narrow(self.host.size.width)

    def place(self, panel_id: str) -> At | None:
        """Where a panel lies on the grid that is edited; None if it stacks below."""
        return edit.places(self.screen, self.narrow).get(panel_id)

    def where(self) -> str:
        """The chosen panel and its place, for the bar."""
        view = self.view
        name = clean(view.title) if view else "no panel: a adds one"
        return f"{name} {self._note(self.chosen)}" if view else name

    def grid_words(self) -> str:
        """Which of the two places is edited, for the bar."""
        screen = self.screen
        size = f"{screen.columns}x{screen.rows}"
        if self.narrow:
            return f"grid {size} for narrow terminals"
        return f"grid {size} from 100 columns on"

    def _note(self, panel_id: str) -> str:
        at = self.place(panel_id)
        return f"{at.width}x{at.height} at {at.col},{at.row}" if at else "stacked below"

    # In and out

    def toggle(self) -> None:
        """Begin to edit; leave, and ask about edits that are not saved."""
        if not self.active:
            self.enter()
        elif self.drag.busy:
            self.drag.cancel()
        elif self.form is not None:
            self.close_form()
        elif self.dirty:
            self.saving.ask_and_leave()
        else:
            self.leave()

    def enter(self) -> None:
        """Show frames and handles, take the keys."""
        if self.active:
            return
        focused = self.dashboard.focused
        self.active = True
        self.bar = EditBar(self)
        self.dashboard.mount(self.bar, before="KeyLine")
        self.chosen = focused.placement.id if isinstance(focused, PanelView) else ""
        if self.dashboard.grid is not None:
            self.dashboard.grid.zoomed = ""
        self.opened()

    def leave(self) -> None:
        """Give panels their keys back. Edits stay on the screen, saved or not."""
        self.close_form()
        self.active = False
        chosen = self.view
        for view in self._all_views():
            view.edit, view.can_focus = None, True
        if self.dashboard.grid is not None:
            self.dashboard.grid.guest = None
        if self.bar is not None:
            self.bar.remove()
            self.bar = None
        if chosen is not None:
            chosen.focus(scroll_visible=False)
        elif self.dashboard.grid is None:
            self.dashboard.focus_next()
        self.dashboard.refresh_bindings()

    def close(self) -> None:
        """Another layout is opened; what is not saved waits on disk for this one to come back."""
        if self.active:
            self.leave()

    def opened(self) -> None:
        """Another tab is open, or the panels on it are others."""
        self.close_form()
        grid = self.dashboard.grid
        if grid is not None:
            grid.guest = self.drag
            if self.view is None:
                self.chosen = grid.views[0].placement.id if grid.views else ""
        else:
            self.chosen = ""
        self._show_chosen()
        if self.bar is not None:
            self.bar.focus()
        self.dashboard.refresh_bindings()

    def _all_views(self) -> list[PanelView]:
        return list(self.dashboard.query(PanelView))

    def _show_chosen(self) -> None:
        grid = self.dashboard.grid
        for view in grid.views if grid is not None else ():
            panel_id = view.placement.id
            view.can_focus = False
            view.edit = EditLook(panel_id == self.chosen, self._note(panel_id))
        if self.view is not None:
            self.view.scroll_visible(animate=False)
        if self.bar is not None:
            self.bar.update()

    def say(self, note: str, style: str = "muted") -> None:
        """A word in the bar."""
        if self.bar is not None:
            self.bar.say(clean(note), style)

    # Edits

    def do(
        self, name: str, change: Callable[[LayoutSpec], LayoutSpec], *, merge: str = "",
        show: str = "",
    ) -> bool:  # fmt: skip
        """Make an edit and show it; what cannot be done is said. name: for undo. show: id of the
        screen to open then."""
        try:
            layout = change(self.layout)
        except EditError as error:
            self.say(error.message, "warning")
            return False
        if layout.screens != self.layout.screens:
            self.history.do(name, layout, merge)
            self.show(name, show)
        return True

    def show(self, note: str = "", show: str = "") -> None:
        """Bring the screen up to date with the history, and keep it for a restart."""
        self.dashboard.apply(self.layout, show)
        if self.active:
            grid = self.dashboard.grid
            if grid is not None and self.view is None:
                self.close_form()
                self.chosen = grid.views[0].placement.id if grid.views else ""
            self._show_chosen()
            self.say(note)
        self.unsaved.keep()

    def choose(self, panel_id: str) -> None:
        """Keys go to that panel."""
        if panel_id != self.chosen:
            self.close_form()
            self.chosen = panel_id
            self._show_chosen()

    def choose_next(self, steps: int) -> None:
        """Keys go to the next panel."""
        ids = [panel.id for panel in self.screen.panels]
        if ids:
            index = ids.index(self.chosen) + steps if self.chosen in ids else 0
            self.choose(ids[index % len(ids)])

    def undo(self) -> None:
        """Take the last edit back."""
        self._travel(self.history.undo, "undone")

    def redo(self) -> None:
        """Make it again."""
        self._travel(self.history.redo, "done again")

    def _travel(self, step: Callable[[], str], done: str) -> None:
        try:
            name = step()
        except EditError as error:
            self.say(error.message, "warning")
            return
        self.show(f"{done}: {name}")
        if self.form is not None:
            self.form.list_fields()

    def open_form(self) -> None:
        """The chosen panel's options, at the side."""
        if self.view is None or self.panel is None or self.form is not None:
            return
        from nanochat_host.ui.edit.form import SideForm

        self.form = SideForm(self)
        self.dashboard.mount(self.form)

    def close_form(self) -> None:
        """Back to keys that move."""
        if self.form is not None:
            self.form.remove()
            self.form = None
            if self.bar is not None:
                self.bar.focus()
