"""The person's own command, run when an alert is raised."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal

from nanochat_sdk.data import Event

from nanochat_host.core.children import GONE_S, started
from nanochat_host.core.wire_outside import AlertTest
from nanochat_host.errors import UsageError

COMMAND_S = 30.0
REST_S = 1.0
"""For the rest of what a command said that has ended; longer than that somebody else holds on."""
MAX_WORDS = 400


class _Heard(asyncio.SubprocessProtocol):
    """What a command says, the end of it, and that it has ended. silent: nobody holds its output
    any more."""

    def __init__(self) -> None:
        self.said = b""
        self.ended, self.silent = asyncio.Event(), asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.said = (self.said + data)[-4 * MAX_WORDS :]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self.silent.set()

    def process_exited(self) -> None:
        self.ended.set()


async def run_command(command: str, run_id: str, event: Event) -> AlertTest:
    """Run it, without a shell; the alert is in variables `NANOCHAT_ALERT_*`, its message also the
    last argument. At most `COMMAND_S` seconds; what it leaves behind is not waited for."""
    fields = event.fields
    told = {f"NANOCHAT_ALERT_{k.upper()}": str(fields.get(k, "")) for k in _TOLD}
    told |= {"NANOCHAT_ALERT_RUN": run_id, "NANOCHAT_ALERT_STEP": str(event.step or "")}
    message = f"{run_id}: {fields.get('message', '')}" if run_id else str(fields.get("message"))
    try:
        transport, heard = await started(
            asyncio.get_running_loop().subprocess_exec(
                _Heard, *words_of(command), message, env={**os.environ, **told},
                stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        )  # fmt: skip
    except (OSError, ValueError, UsageError) as error:  # ValueError: a NUL in what it is told
        return AlertTest(127, str(error))
    try:
        if not await _within(COMMAND_S, heard.ended):
            return AlertTest(124, f"it took longer than {COMMAND_S:.0f} s")
        await _within(REST_S, heard.silent)
    finally:
        if not heard.ended.is_set():
            with contextlib.suppress(ProcessLookupError):  # nobody of it is left
                os.killpg(transport.get_pid(), signal.SIGKILL)
            await _within(GONE_S, heard.ended)
        transport.close()  # else its pipe is open for as long as what it left behind lives
    said = heard.said.decode("utf-8", "replace")[-MAX_WORDS:].strip()
    return AlertTest(transport.get_returncode() or 0, said)


async def _within(limit_s: float, event: asyncio.Event) -> bool:
    """Whether it came about in that time. `wait_for` might swallow a cancellation."""
    try:
        async with asyncio.timeout(limit_s):
            return await event.wait()
    except TimeoutError:
        return False


_TOLD = ("rule", "severity", "message", "hint")


def words_of(command: str) -> list[str]:
    """The command and its arguments. Raises UsageError if it cannot be read, or wants a shell."""
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
