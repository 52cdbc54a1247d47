"""Asks the core about a draft while it is put together: one question at a time, the newest wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nanochat_host.core import calls_config as calls
from nanochat_host.core.wire_config import ConfigSchema, SchemaWish, TargetReport, TargetWish
from nanochat_host.errors import NanochatCliError
from nanochat_host.ui.configure.draft import Form

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp


class Look:
    """report: of the draft. before: of the same without what was changed. trouble: why there is no
    report, "" if there is one. told: called in the loop when any of these is new."""

    def __init__(self, app: NanochatApp, form: Form, told: Callable[[], None]) -> None:
        self._app = app
        self._form = form
        self._told = told
        self._busy = False
        self._again = False
        self._pending: tuple[str, str] | None = None
        self._baseline: TargetWish | None = None
        self._schemas: dict[tuple[str, str], ConfigSchema] = {}
        self._probed: TargetWish | None = None
        self.report: TargetReport | None = None
        self.before: TargetReport | None = None
        self.trouble = ""

    def schemas(self) -> dict[str, ConfigSchema]:
        """Of the stages of the present target, as far as they are read."""
        target = self._form.target
        if target is None:
            return {}
        found = {stage: self._schemas.get((target.checkout, stage)) for stage in target.stages}
        return {stage: schema for stage, schema in found.items() if schema is not None}

    def forget(self) -> None:
        """The checkouts may have been edited: read everything anew."""
        self._schemas.clear()
        self._baseline = None

    def ask(self, pending: tuple[str, str] | None = None) -> None:
        """Have the draft looked at. pending: a value that is being typed."""
        self._pending = pending
        self._again = True
        if not self._busy:
            self._busy = True
            self._app.work(self._ask_until_quiet(), "look")

    async def at(self, wish: TargetWish) -> TargetReport | None:
        """Look at one wish, beside the others; None after a message that says why not."""
        link = self._app.link
        return await link.request(link.client.ask(calls.config_target(wish)))

    async def _ask_until_quiet(self) -> None:
        try:
            while self._again:
                self._again = False
                if self._form.target is not None and not self._form.target.error:
                    await self._ask_once()
                self._told()
        finally:
            self._busy = False
        await self._ask_the_checkout()

    async def _ask_the_checkout(self) -> None:
        """Whether a checkpoint fits is known to the checkout's own Python only: it is asked once at
        a time for a draft, while nothing else is to be asked, and the form need not wait. The core
        remembers what it answered; that it did not answer is asked again."""
        if self._form.target is None or self.report is None or not self.report.unasked:
            return
        wish = self._form.wish(self._pending)
        if wish == self._probed:
            return
        self._probed = wish
        try:
            answer = await self._app.link.client.ask(calls.config_target(replace(wish, ask=True)))
        except (NanochatCliError, OSError):
            return  # the start says it
        finally:
            if self._probed is wish:
                self._probed = None
        if not self._busy and wish == self._form.wish(self._pending):
            self.report = answer
            self._told()

    async def _ask_once(self) -> None:
        wish, baseline = self._form.wish(self._pending), self._form.baseline()
        client = self._app.link.client
        try:
            await self._read_schemas()
            if baseline != self._baseline:
                self.before = await client.ask(calls.config_target(baseline))
                self._baseline = baseline
            self.report = await client.ask(calls.config_target(wish))
            self.trouble = ""
        except (NanochatCliError, OSError) as error:
            self.report, self.trouble = None, str(error)

    async def _read_schemas(self) -> None:
        target = self._form.target
        for stage in target.stages if target else ():
            assert target is not None
            key = target.checkout, stage
            if key not in self._schemas:
                wish = SchemaWish(target.checkout, stage=stage)
                self._schemas[key] = await self._app.link.client.ask(calls.config_schema(wish))
