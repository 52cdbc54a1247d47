"""What happens besides the event when an alert is raised: limits that change at once, a command of
the person's, a bell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shlex
import signal
from typing import Any

from nanochat_sdk.data import Event

from nanochat_host.core.options import nearest
from nanochat_host.core.settings import Settings
from nanochat_host.core.telemetry.alerts import ALL_RULES
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.wire_alerts import AlertLimits
from nanochat_host.core.wire_outside import AlertTest
from nanochat_host.errors import ConfigFileError, RefusedError, UsageError
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)
COMMAND_S = 30.0
MAX_WAITING = 16
MAX_WORDS = 400


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
            _words(str(command))
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


async def run_command(command: str, run_id: str, event: Event) -> AlertTest:
    """Run it, without a shell; the alert is in variables `NANOCHAT_ALERT_*`, its message also the
    last argument. At most `COMMAND_S` seconds."""
    fields = event.fields
    told = {f"NANOCHAT_ALERT_{k.upper()}": str(fields.get(k, "")) for k in _TOLD}
    told |= {"NANOCHAT_ALERT_RUN": run_id, "NANOCHAT_ALERT_STEP": str(event.step or "")}
    message = f"{run_id}: {fields.get('message', '')}" if run_id else str(fields.get("message"))
    try:
        child = await asyncio.create_subprocess_exec(
            *_words(command), message, env={**os.environ, **told}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError, UsageError) as error:  # ValueError: a NUL in what it is told
        return AlertTest(127, str(error))
    try:
        out, _ = await asyncio.wait_for(child.communicate(), COMMAND_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it may have ended, its children hold on
            os.killpg(child.pid, signal.SIGKILL)
        return AlertTest(124, f"it took longer than {COMMAND_S:.0f} s")
    return AlertTest(child.returncode or 0, out.decode("utf-8", "replace")[-MAX_WORDS:].strip())


_TOLD = ("rule", "severity", "message", "hint")


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"the command cannot be read: {error}", "close its quotes") from None
    if not words:
        raise UsageError("the command is empty")
    if words[0] not in _SHELLS and (found := next(filter(None, map(_for_shell, words)), "")):
        raise UsageError(
            f"no shell runs the command: `{found}` would be passed on as it stands",
            f"sh -c {shlex.quote(command)}",
        )
    return words


_SHELLS = ("sh", "bash", "zsh", "dash", "fish", "/bin/sh", "/bin/bash", "env")
_OPERATORS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1"})


def _for_shell(word: str) -> str:
    """What of a word only a shell understands, "" if nothing: `$NAME`, a pipe, a redirection."""
    if word in _OPERATORS or word.endswith(";"):
        return word
    return word if re.search(r"\$[A-Za-z_{(]|^[12]?>", word) else ""
