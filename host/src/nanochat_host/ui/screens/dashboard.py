"""The dashboard: panels of the run on show, keys that steer it, keys that edit the layout."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.events import Key

from nanochat_host.core.wire import Command, Control
from nanochat_host.packs.catalog import BUILTIN
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.key_notes import KeyNote
from nanochat_host.ui.messages import SteerWanted, StopWanted
from nanochat_host.ui.screens.deck_screen import DeckScreen
from nanochat_host.ui.widgets.panel_keys import may_declare
from nanochat_host.ui.widgets.panel_view import PanelView
from nanochat_host.ui.words import run_name

STEERING = frozenset({"steer", "pause", "stop"})
WHILE_EDITING = frozenset({"tab", "edit", "reload_layout", "back"})


class DashboardScreen(DeckScreen):
    """What a person does to the run and to the layout that shows it."""

    mode = "dashboard"
    HEALTH = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "steer('save')", "Save"),
        Binding("p,space", "pause", "Pause", key_display="p"),
        Binding("e", "steer('eval')", "Eval"),
        Binding("g", "steer('sample')", "Sample"),
        Binding("x", "stop", "Stop"),
        Binding("o", "app.show('log')", "Output"),
        Binding("r", "app.show('runs')", "Runs"),
        Binding("escape", "back", show=False),
        Binding("E,ctrl+e", "edit", "Edit", key_display="E"),
        Binding("f5", "reload_layout", "Read the layout again", show=False),
        *(Binding(str(n), f"tab({n - 1})", show=False) for n in range(1, 10)),
        Binding("enter", "zoom", show=False),
    ]

    async def on_mount(self) -> None:
        self.host.dashboard = self

    def on_screen_resume(self) -> None:
        self.host.desk.show_newest_run()

    async def on_unmount(self) -> None:
        self.host.dashboard = None

    @property
    def hides_own_keys(self) -> bool:
        """While the layout is edited, the key line is for the keys that edit."""
        return self.editing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.editing and action not in WHILE_EDITING:
            return False
        # Not False: a key that cannot act now is not shown, but says why when it is pressed.
        return True if self.model.live or action not in STEERING else None

    def on_key(self, event: Key) -> None:
        """A key that steers, of a run that cannot be steered."""
        pressed = self.active_bindings.get(event.key)
        if pressed is None or pressed.node is not self or pressed.enabled:
            return
        event.stop()
        run, does = self.model.run, pressed.binding.description
        told = f"{run_name(run)} has ended ({run.state})" if run else "there is no run"
        self.notify(clean(f"{does}: {told}. n starts one, r shows all"), markup=False)

    def panel_keys(self) -> list[KeyNote]:
        """Keys that the seen panels listen to while they have the focus."""
        return [
            KeyNote(f"Panel {clean(view.title)}", key.key, key.help)
            for view in self.views
            if view.process is not None
            for key in view.process.keys
            if may_declare(key.key)
        ]

    def action_steer(self, cmd: Command) -> None:
        self.post_message(SteerWanted(Control(cmd=cmd)))

    def action_pause(self) -> None:
        paused = self.model.run is not None and self.model.run.state == "paused"
        self.action_steer("resume" if paused else "pause")

    def action_stop(self) -> None:
        self.post_message(StopWanted(self.model.run_id))

    def action_zoom(self) -> None:
        """Enter, where the panel itself has no use for it."""
        if isinstance(self.focused, PanelView):
            self.focused.action_zoom_panel()

    def action_edit(self) -> None:
        """Edit the layout, or no longer."""
        if self._deck is not None:
            self.editor.toggle()

    def action_reload_layout(self) -> None:
        """Read the layout's file again."""
        from nanochat_host.ui.edit.reload import reload_layout

        self.host.work(reload_layout(self), "layout")

    @on(PanelView.MissingAnswered)
    async def _missing_answered(self, message: PanelView.MissingAnswered) -> None:
        if message.answer == "remove":
            self.editor.panels.remove(message.panel_view.placement.id)
        else:
            await self.host.action_show("packs")
            await self.host.run_action("screen.install")

    @on(PanelView.PromptWanted)
    def _prompt_wanted(self, message: PanelView.PromptWanted) -> None:
        view, key = message.panel_view, message.key

        def answered(text: str | None) -> None:
            if text is not None:
                view.answer(key, text)

        from nanochat_host.ui.screens.ask import AskScreen

        # The line is the host's, the words on it are not.
        theirs = view.entry is not None and view.entry.pack.id != BUILTIN
        help_line = f"goes to the panel {view.placement.panel}: no key, no token" if theirs else ""
        question = AskScreen(f"{clean(view.title)}: {key.help}", help=clean(help_line))
        self.app.push_screen(question, answered)
