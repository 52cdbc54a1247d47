"""The command palette: every action by name, on every screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from nanochat_host.core.wire import Command, Control
from nanochat_host.layout.find import list_layouts
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.messages import ShowRun, SteerWanted, StopWanted
from nanochat_host.ui.model import LIVE_STATES
from nanochat_host.ui.modes import PLACES
from nanochat_host.ui.screenshot import take_screenshot
from nanochat_host.ui.words import age_words, run_name

if TYPE_CHECKING:
    from textual.screen import Screen

    from nanochat_host.ui.app import NanochatApp

LISTED_RUNS = 50


@dataclass(frozen=True)
class HostCommand:
    """One line of the palette. run: what choosing it does. id: of its binding, whose key is
    shown."""

    title: str
    help: str
    run: Callable[[], Any]
    id: str = ""


Layouts = Sequence[tuple[str, Path, str]]
"""As `list_layouts` gives them."""


def commands(app: NanochatApp, layouts: Layouts) -> Iterator[HostCommand]:
    """Everything that can be done now, most wanted first."""

    def show(mode: str) -> Callable[[], Any]:
        return partial(app.run_action, f"show('{mode}')")

    def steer(cmd: Command) -> Callable[[], Any]:
        return partial(app.post_message, SteerWanted(Control(cmd=cmd)))

    if app.model.live:
        paused = app.model.run is not None and app.model.run.state == "paused"
        yield HostCommand(
            "Save a checkpoint", "after this step", steer("save"), "dashboard.steer.save"
        )
        if paused:
            yield HostCommand("Resume", "go on training", steer("resume"), "dashboard.pause")
        else:
            pause = steer("pause")
            yield HostCommand(
                "Pause", "after this step; memory stays in use", pause, "dashboard.pause"
            )
        evaluate, sample = steer("eval"), steer("sample")
        yield HostCommand(
            "Evaluate now", "validation after this step", evaluate, "dashboard.steer.eval"
        )
        yield HostCommand(
            "Sample now", "generate text after this step", sample, "dashboard.steer.sample"
        )
        stop = partial(app.post_message, StopWanted(app.model.run_id))
        yield HostCommand("Stop the run", "asks how", stop, "dashboard.stop")
    for mode, at in PLACES.items():
        if at.title:
            yield HostCommand(at.title, at.help, show(mode), f"app.show.{mode}")
    yield HostCommand("Start the demo", "train a small GPT on this machine", app.start_demo)
    new_run = partial(app.run_action, "new_run")
    yield HostCommand("Start a run", "a stage or pipeline of a checkout", new_run, "app.new_run")
    yield HostCommand("Keys and help", "every key, by place", show("help"), "app.show.help")
    themes = partial(app.run_action, "ask_theme")
    yield HostCommand("Themes", "a gallery; each is tried as you move", themes, "app.ask_theme")
    edit_help = "add, move, resize and set panels"
    yield HostCommand("Edit the layout", edit_help, partial(edit_layout, app), "dashboard.edit")
    for layout, _, origin in layouts:
        use = partial(app.use_layout, layout)
        yield HostCommand(f"Layout: {clean(layout)}", f"another dashboard ({origin})", use)
    for row in app.model.runs[:LISTED_RUNS]:
        facts = row.facts
        age = "live" if facts.state in LIVE_STATES else age_words(facts.created_at)
        open_run = partial(app.post_message, ShowRun(facts.id))
        yield HostCommand(f"Open {clean(run_name(facts))}", f"{facts.state}, {age}", open_run)
    yield HostCommand("Screenshot", "this screen as an SVG file", partial(take_screenshot, app))
    quit_app = partial(app.run_action, "quit")
    yield HostCommand("Quit", "close this terminal; runs go on", quit_app)


async def edit_layout(app: NanochatApp) -> None:
    """The dashboard, with its layout being edited."""
    from nanochat_host.ui.screens.dashboard import DashboardScreen

    await app.action_show("dashboard")
    if isinstance(app.screen, DashboardScreen):
        app.screen.editor.enter()


def keys_now(screen: Screen[Any]) -> dict[str, str]:
    """The key of every binding that is active on the screen, by id; the first of several."""
    keys: dict[str, str] = {}
    for active in screen.active_bindings.values():
        if active.binding.id:
            keys.setdefault(active.binding.id, screen.app.get_key_display(active.binding))
    return keys


def here(app: NanochatApp, screen: Screen[Any]) -> Iterator[HostCommand]:
    """What the keys of this screen and of the widget in focus do."""
    for node, binding, enabled, _ in screen.active_bindings.values():
        if enabled and binding.id and binding.description and node is not app:
            run = partial(app.run_action, binding.action, node)
            yield HostCommand(binding.description, "here", run, binding.id)


class HostCommands(Provider):
    """Feeds the palette. Titles may hold names of runs: they are shown as plain text."""

    _reading: asyncio.Task[list[tuple[str, Path, str]]] | None = None

    async def _layouts(self) -> Layouts:
        """Read once, elsewhere: packs bring layouts too, and every letter asks for all commands.
        Not in `startup`: Textual would end that with the search of the letter before."""
        if self._reading is None:
            paths = cast("NanochatApp", self.app).paths
            self._reading = asyncio.ensure_future(asyncio.to_thread(list_layouts, paths))
        return await asyncio.shield(self._reading)

    def _commands(self, layouts: Layouts) -> Iterator[tuple[HostCommand, str]]:
        """Each with its help, which begins with its key."""
        app = cast("NanochatApp", self.app)
        keys = keys_now(self.screen)
        told: set[str] = set()
        for command in [*commands(app, layouts), *here(app, self.screen)]:
            if command.id not in told or not command.id:
                told.add(command.id)
                key = keys.get(command.id, "")
                yield command, f"{key}  {command.help}" if key else command.help

    async def discover(self) -> Hits:
        for command, help_text in self._commands(await self._layouts()):
            yield DiscoveryHit(Content(command.title), command.run, command.title, help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command, help_text in self._commands(await self._layouts()):
            if (score := matcher.match(command.title)) > 0:
                # Highlighting parses markup, which a run's name may look like.
                plain = "[" in command.title
                shown = Content(command.title) if plain else matcher.highlight(command.title)
                yield Hit(score, shown, command.run, command.title, help_text)
