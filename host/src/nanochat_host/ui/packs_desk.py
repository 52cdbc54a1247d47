"""What a person does with packs: every change is asked about where it costs something, then made
by the same functions as `nanochat-cli pack` uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat_sdk.capabilities import parse_permission, sentence

from nanochat_host.errors import NanochatCliError
from nanochat_host.packs import grants
from nanochat_host.packs.catalog import FoundPack
from nanochat_host.packs.consent import measured_level
from nanochat_host.packs.install.limits import MissingLibrariesError
from nanochat_host.packs.install.offer import Offer, offer
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.confirm import Choice, ConfirmScreen
from nanochat_host.ui.screens.consent import ConsentScreen

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

_TOLD_S = 15.0


class PacksDesk:
    """Runs in workers of the app. changed: called after each change that was made."""

    def __init__(self, app: NanochatApp, changed: Callable[[], None]) -> None:
        self._app, self._changed = app, changed

    async def ask_source(self) -> None:
        """Ask what to install, then install it."""
        text = await self._app.push_screen_wait(
            AskScreen("Install a pack from", help="a folder, a wheel (.whl) or a zip")
        )
        if text and text.strip():
            await self.install(Path(text.strip()).expanduser())

    async def install(self, source: Path, *, fetch: bool = False) -> None:
        """Check it, ask the person, and install it if they agree."""
        paths = self._app.paths
        with ExitStack() as stack:
            try:
                found = await asyncio.to_thread(
                    stack.enter_context, offer(paths, source, fetch=fetch)
                )
            except MissingLibrariesError as error:
                if not fetch and await self._may_download(error):
                    await self.install(source, fetch=True)
                return
            except (NanochatCliError, OSError) as error:
                self._tell(error)
                return
            if found.agreed or await self._agrees(found):
                done = "is as it was"
                if not found.agreed:
                    done = "is installed; on a dashboard, E and then a adds its panels"
                what = f"{found.manifest.title} {found.manifest.version} {done}"
                await self._do(lambda: grants.accept(paths, found), what)

    async def _agrees(self, found: Offer) -> bool:
        level = await asyncio.to_thread(measured_level)
        return await self._app.push_screen_wait(ConsentScreen(found, level))

    async def _may_download(self, error: MissingLibrariesError) -> bool:
        text = f"{clean(error.message)}. pip can fetch exactly these files, checked by their hash."
        return await self._confirm(
            "Download its libraries?", text, Choice("yes", "y", "download", "as your pip is set up")
        )

    async def remove(self, pack: FoundPack) -> None:
        """Ask, then remove an installed pack."""
        name = clean(pack.manifest.title)
        text = "Its files and what it was granted go. Layouts that show its panels stay."
        if await self._confirm(f"Remove {name}?", text, Choice("yes", "y", "remove", "", "error")):
            await self._do(
                lambda: grants.remove(self._app.paths, pack.manifest.id), f"{name} is removed"
            )

    async def toggle_permission(self, pack: FoundPack, text: str) -> None:
        """Take a permission back at once, or ask and give it again."""
        paths, pack_id = self._app.paths, pack.manifest.id
        words = clean(sentence(parse_permission(text)))
        if pack.record is not None and text in pack.record.granted:
            await self._do(lambda: grants.revoke(paths, pack_id, [text]), f"taken back: {words}")
        elif await self._confirm(
            f"Let {clean(pack.manifest.title)} do this?", words, Choice("yes", "y", "agree")
        ):
            await self._do(lambda: grants.grant(paths, pack_id, [text]), f"granted: {words}")

    async def set_enabled(self, pack: FoundPack, enabled: bool) -> None:
        """Open its panels, or close them and keep it."""
        word = "enabled" if enabled else "disabled"
        await self._do(
            lambda: grants.set_enabled(self._app.paths, pack.manifest.id, enabled),
            f"{pack.manifest.title} is {word}",
        )

    async def toggle_unsandboxed(self, pack: FoundPack) -> None:
        """Let it run without walls, after a plain question, or no longer."""
        allowed = pack.record is not None and pack.record.unsandboxed
        name = clean(pack.manifest.title)
        text = (
            "Where this system cannot isolate it, it can then read your files and tokens and reach "
            "the network. Only for packs you trust as you trust this program."
        )
        choice = Choice("yes", "y", "let it", "", "error")
        if allowed or await self._confirm(f"Let {name} run without walls?", text, choice):
            word = "only behind walls" if allowed else "also where nothing isolates it"
            await self._do(
                lambda: grants.set_unsandboxed(self._app.paths, pack.manifest.id, not allowed),
                f"{name} runs {word}",
            )

    async def _confirm(self, title: str, text: str, choice: Choice) -> bool:
        answer = await self._app.push_screen_wait(ConfirmScreen(title, text, [choice]))
        return answer == choice.id

    async def _do(self, work: Callable[[], Any], done: str) -> None:
        try:
            await asyncio.to_thread(work)
        except (NanochatCliError, OSError) as error:
            self._tell(error)
        else:
            self._app.tell(clean(done))
        self._changed()

    def _tell(self, error: Exception) -> None:
        lines = [str(error)]
        if isinstance(error, NanochatCliError) and error.hint:
            lines = [error.message, error.hint]
        self._app.tell("\n".join(map(clean, lines)), "error", _TOLD_S)
