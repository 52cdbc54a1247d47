"""What happens besides the event when an alert is raised: limits that change at once, a command of
the person's, a bell."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from nanochat_sdk.data import Event

from nanochat_host.core.alert_command import run_command, words_of
from nanochat_host.core.options import nearest
from nanochat_host.core.settings import Settings
from nanochat_host.core.telemetry.alerts import ALL_RULES
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_outside import AlertTest
from nanochat_host.errors import ConfigFileError, RefusedError, UsageError
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)
MAX_WAITING = 16


class Alerting:
    """Owned by the core. Settings edited by hand count within seconds, see `look`."""

    def __init__(self, paths: Paths, hub: TelemetryHub) -> None:
        self._settings = Settings(paths.settings_toml)
        self._path, self._hub = paths.settings_toml, hub
        self._changed_at = -1.0
        self._waiting: asyncio.Queue[tuple[str, Event]] = asyncio.Queue(MAX_WAITING)
        self._task: asyncio.Task[None] | None = None
        hub.on_alert = self.raised
        self.look()

    @property
    def limits(self) -> AlertLimits:
        return self._hub.limits

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run_forever())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """Take up the file if it was edited. A mistake in it costs one line in the log."""
        try:
            changed_at = self._path.stat().st_mtime
        except OSError:
            changed_at = 0.0
        if changed_at == self._changed_at:
            return
        self._changed_at = changed_at
        try:
            self._hub.limits = self._settings.table("alerts", AlertLimits)
        except ConfigFileError as error:
            logger.error("%s", error)

    def change(self, changes: dict[str, Any]) -> AlertLimits:
        """Set limits (None: back to the default); they count at once and are saved. Raises
        UsageError, ConfigFileError, OSError."""
        changes = self._packs_apart(changes)
        packs = [rule.name for rule in self._hub.pack_rules]
        off = changes.get("off")
        for rule in off if isinstance(off, list) else ():
            if rule not in ALL_RULES and rule not in packs:
                known = ", ".join([*ALL_RULES, *packs])
                raise UsageError(f"there is no rule `{rule}`", f"there are: {known}")
        if command := changes.get("command"):
            words_of(str(command))
        self._hub.limits = self._settings.change("alerts", changes, AlertLimits)
        return self._hub.limits

    def _packs_apart(self, changes: dict[str, Any]) -> dict[str, Any]:
        """`pack:rule` keys go into the table of packs' values. Raises UsageError."""
        named = {key: value for key, value in changes.items() if ":" in key}
        if not named:
            return changes
        known = {rule.name: rule for rule in self._hub.pack_rules}
        values: dict[str, Any] = dict(self.limits.packs)
        for key, value in named.items():
            if value is None:
                values.pop(key, None)  # also of a pack that is gone
                continue
            if key not in known:
                raise UsageError(f"there is no rule `{key}`", nearest(key, known))
            if known[key].about.log:
                raise UsageError(f"`{key}` waits for a line of the log: it has no value")
            values[key] = value
        rest = {key: value for key, value in changes.items() if key not in named}
        return {**rest, "packs": values or None}

    def raised(self, run_id: str, event: Event) -> None:
        """The hub raised an alert."""
        if event.fields.get("active") and self.limits.command:
            try:
                self._waiting.put_nowait((run_id, event))
            except asyncio.QueueFull:
                logger.warning("too many alerts at once; the command is not run for all")

    async def test(self) -> AlertTest:
        """Run the command as for an alert. Raises RefusedError if there is none."""
        if not self.limits.command:
            raise RefusedError("no command is set", "nanochat-cli alert set command='notify-send'")
        fields = {"rule": "test", "severity": "info", "message": "a test of alerts", "hint": ""}
        return await run_command(self.limits.command, "", Event(0.0, "alert", None, fields))

    async def _run_forever(self) -> None:
        while True:
            run_id, event = await self._waiting.get()
            result = await run_command(self.limits.command, run_id, event)
            if result.exit_code:
                logger.warning("the alert command failed: %s", result.output, extra={"run": run_id})
