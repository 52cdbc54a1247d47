"""The host application: owns the model, wires link, feed and screens; everything else is theirs."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen
from textual.signal import Signal
from textual.worker import Worker

from nanochat_host.core.wire import StartRun
from nanochat_host.crash import last_crash, mark_seen
from nanochat_host.errors import NanochatCliError
from nanochat_host.packs.sanitize import clean
from nanochat_host.paths import Paths
from nanochat_host.ui import messages, modes
from nanochat_host.ui.configure.starting import Starting
from nanochat_host.ui.deck import Deck, load_deck, open_deck
from nanochat_host.ui.dialogs import Dialogs
from nanochat_host.ui.faults import outlive_faults
from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.link import CoreLink
from nanochat_host.ui.model import Model, Topic
from nanochat_host.ui.news import NewsDesk
from nanochat_host.ui.session import SessionWriter, load_session
from nanochat_host.ui.terminal import Pressed, host_driver
from nanochat_host.ui.themes import THEMES, theme_after
from nanochat_host.ui.toasts import Severity

if TYPE_CHECKING:
    from nanochat_host.packs.launch import Launched
    from nanochat_host.packs.room import Room
    from nanochat_host.ui.feed import Feed
    from nanochat_host.ui.screens.dashboard import DashboardScreen
    from nanochat_host.ui.steering import Steering

T = TypeVar("T")
REMEMBER_EVERY_S = 2.0
"""A kill costs at most this much of what the next start would bring back."""
GC_THRESHOLDS = (2_000, 10, 10)
"""What lives from the start is frozen, so collections see only what panels and keys make. Few and
large ones held up keys for 30 ms and let the heap grow, as painted strips are cycles; these take
1 ms, and 10 ms once a minute."""


class NanochatApp(Dialogs):
    """run: an id, a name, a part of an id, or "last". start: a run to begin
    at once; attach: rather show a live one of the same target if there is one. deck: the layout
    to open in, if that is known; note: what is to be said about it. launched: zygotes started
    ahead."""

    TITLE = "nanochat-cli"
    CSS_PATH = "app.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {**modes.MODES}
    COMMANDS: ClassVar[set[Any]] = {modes.host_commands}
    BINDINGS: ClassVar[list[BindingType]] = with_ids("app", [
        Binding("h", "show('home')", "Home", show=False),
        Binding("r", "show('runs')", "Runs", show=False),
        Binding("d", "show('dashboard')", "Dashboard", show=False),
        Binding("o", "show('log')", "Output", show=False),
        Binding("n", "new_run", "New run", show=False),
        Binding("A", "show('alerts')", "Alerts", show=False),
        Binding("H", "show('accounts')", "Health, sources, accounts", show=False),
        Binding("t", "next_theme", "Next theme", show=False),
        Binding("T", "ask_theme", "Themes", show=False),
        Binding("ctrl+g", "jump", "Jump", show=False),
        Binding("y", "copy", "Copy", show=False),
        Binding("f1,question_mark", "show('help')", "Help", key_display="?"),
        Binding("q,ctrl+q", "quit", "Quit", key_display="q", priority=False),
    ])  # fmt: skip

    def __init__(
        self,
        paths: Paths,
        *,
        run: str | None = None,
        start: StartRun | None = None,
        attach: bool = False,
        deck: Deck | None = None,
        note: str = "",
        launched: Mapping[Room, Launched] | None = None,
    ) -> None:
        self.session = load_session(paths)
        self.session_writer = SessionWriter(paths)
        self.pressed = Pressed()
        wants_run = bool(run or start)
        first = modes.first_mode(self.session.mode, wants_run, deck is not None)
        self.DEFAULT_MODE = first  # type: ignore[misc]  # read by App.__init__
        super().__init__()
        self.paths = paths
        self.model = Model()
        self.link = CoreLink(paths, self.post_message)
        self.launched = launched
        self.changed: Signal[Topic] = Signal(self, "model")
        self.desk = NewsDesk(self, run or ("" if start else self.session.run), start, attach)
        self.feed: Feed | None = None
        self.dashboard: DashboardScreen | None = None
        crash = last_crash(paths)
        self.crash_note = ""
        if crash is not None:
            mark_seen(paths, crash)
            what = f"the {crash.role} crashed last time: {clean(crash.summary)}"
            self.crash_note = f"{what}\ndetails in {crash.path}"
        self._note = note
        self._deck = deck
        self.starting = Starting()
        self._came_from = "home"
        for theme in THEMES:
            self.register_theme(theme)
        known = self.session.theme in self.available_themes
        self.theme = self.session.theme if known else THEMES[0].name

    @cached_property
    def steering(self) -> Steering:
        """What a person does to runs; imported when the first wish comes."""
        from nanochat_host.ui.steering import Steering

        return Steering(self)

    @property
    def _dashboard(self) -> DashboardScreen | None:
        from nanochat_host.ui.screens.dashboard import DashboardScreen

        return self.screen if isinstance(self.screen, DashboardScreen) else None

    @property
    def deck(self) -> Deck:
        """Layout and panels; read at first use. Raises ConfigFileError or NotFoundError."""
        if self._deck is None:
            self._deck, note = open_deck(self.paths, None, self.session.layout)
            if note:
                self.tell(clean(note), "warning", 15.0)
        return self._deck

    @deck.setter
    def deck(self, deck: Deck) -> None:
        self._deck = deck

    def get_driver_class(self) -> type[Driver]:
        """What draws on this terminal."""
        return host_driver(super().get_driver_class(), self.pressed)

    def on_mount(self) -> None:
        # The core is asked while the first screen is laid out; nothing on it waits for the answer.
        self.run_worker(self.link.run(), name="link", exit_on_error=False)
        self.call_after_refresh(self._after_first_paint)
        if not self.is_headless:
            # A closed window or a polite kill: leave the terminal as it was, and remember.
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._told_to_end)

    def on_resize(self) -> None:
        """A terminal that is back at its size has lost what it cut off: paint all of it."""
        self.refresh()

    def _told_to_end(self) -> None:
        self.run_worker(self.action_quit(), exit_on_error=False)

    def _after_first_paint(self) -> None:
        from nanochat_host.guard import hide_memory

        hide_memory()
        if self.paths.keymap_toml.exists():
            from nanochat_host.ui.keys import use_keymap

            use_keymap(self)
        if self._note:
            self.tell(self._note, "warning", 15.0)
        self.set_interval(REMEMBER_EVERY_S, self.remember)
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
        if self.lasting:
            outlive_faults(self)

    # What screens and commands ask for.

    def tell(self, text: str, severity: Severity = "information", timeout_s: float = 5.0) -> None:
        """A toast. text: plain, never parsed as markup; callers sanitise."""
        self.notify(text, severity=severity, timeout=timeout_s, markup=False)

    async def action_show(self, mode: str) -> None:
        """Change to a screen, or open the help."""
        if len(self.screen_stack) > 1:
            return
        if mode == "help":
            from nanochat_host.ui.screens.help import help_of

            self.push_screen(help_of(self))
        elif mode != self.current_mode:
            self._came_from = self.current_mode
            await self.switch_mode(mode)
            self.remember()

    async def action_back(self) -> None:
        """The screen before this one."""
        await self.action_show(self._came_from if self._came_from != self.current_mode else "home")

    async def action_new_run(self, checkout: str = "") -> None:
        """Open the start dialog."""
        self.starting.checkout = checkout
        await self.action_show("start")

    def action_jump(self) -> None:
        """A letter on everything that can have the focus."""
        from nanochat_host.ui.screens.jump import jump

        jump(self)

    def action_copy(self) -> None:
        """What the focused widget shows, to the clipboard."""
        from nanochat_host.ui.copying import copy_focused

        copy_focused(self)

    def action_next_theme(self) -> None:
        """Dark, light, high contrast, and around."""
        self.theme = theme_after(self.theme)
        self.session.theme = self.theme

    def use_theme(self, name: str) -> None:
        """Change to that theme and remember it."""
        self.theme = self.session.theme = name

    async def use_layout(self, name: str) -> None:
        """Open another layout; one that cannot be used is said and changes nothing."""
        try:
            self._deck = await asyncio.to_thread(load_deck, self.paths, name)
        except NanochatCliError as error:
            self.tell(clean(str(error)), "error", 10.0)
            return
        self.session.layout = name
        await self.action_show("dashboard")
        if self._dashboard is not None:
            await self._dashboard.use(self._deck)

    async def action_quit(self) -> None:
        """Close this terminal only: runs and the core go on."""
        if writing := self.remember():
            await writing.wait()
        self.exit()

    def remember(self) -> Worker[None] | None:
        """Keep what is on the screen for the next start; a slow disk is waited for elsewhere."""
        from nanochat_host.ui.remembering import remember

        return remember(self)

    def start_demo(self) -> None:
        """Train the embedded checkout."""
        builtin = next((ref.name for ref in self.model.checkouts if ref.builtin), "tiny")
        self.post_message(messages.StartWanted(StartRun(checkout=builtin, target="demo")))

    # What arrives: each handler changes state at once and leaves waiting to a worker.

    @on(messages.CoreChanged)
    @on(messages.ListsLoaded)
    @on(messages.News)
    @on(messages.RunStarted)
    @on(messages.Failure)
    async def _news(self, message: messages.AnyNews) -> None:
        await self.desk.take(message)

    @on(messages.ShowRun)
    async def _show_run(self, message: messages.ShowRun) -> None:
        self.desk.show_run(message.run_id)
        await self.action_show("dashboard")

    @on(messages.StartWanted)
    def _start_wanted(self, message: messages.StartWanted) -> None:
        self.work(self.steering.start(message.start), "start")

    @on(messages.SteerWanted)
    def _steer_wanted(self, message: messages.SteerWanted) -> None:
        self.work(self.steering.send(message.command), "steer")

    @on(messages.StopWanted)
    def _stop_wanted(self, message: messages.StopWanted) -> None:
        self.work(self.steering.stop(message.run_id), "ask")

    @on(messages.DeleteWanted)
    def _delete_wanted(self, message: messages.DeleteWanted) -> None:
        self.work(self.steering.delete(message.run_id), "ask")

    @on(messages.ActsWanted)
    def _acts_wanted(self, message: messages.ActsWanted) -> None:
        self.work(self.steering.act(message), "ask")

    def work(self, job: Coroutine[Any, Any, T], group: str) -> Worker[T]:
        """Run a job that may wait; its errors are reported, the screen stays."""
        return self.run_worker(job, group=group, exit_on_error=False)
