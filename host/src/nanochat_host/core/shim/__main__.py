"""Run the commands of one run, one after another, and write down what became of them.

    python -I -S .../core/shim/__main__.py RUN_DIR [--adopt] < {"env": {...}, "secrets": [{...}]}

Survives the core and the screen: own session, SIGHUP and SIGINT ignored. Descriptor 3 is
`shim.lock`, locked by the core before the start: whoever can lock that file knows the shim is gone.

SIGTERM is passed on to the trainer, SIGUSR1 kills it and all its descendants, SIGUSR2 says that
the step now running is the last one. With --adopt a former shim of this run has died: its trainer
is waited for, not started.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # the real name would import typing at run time
    from typing import Any

if __name__ == "__main__":  # under -I nothing of ours is importable yet
    sys.path.insert(0, os.path.abspath(__file__).rsplit("/", 4)[0])
from nanochat_host.core.shim import procs  # noqa: E402
from nanochat_host.core.shim.journal import Journal  # noqa: E402
from nanochat_host.core.shim.lastwords import hook_exit_code, last_words  # noqa: E402
from nanochat_host.core.shim.reserve import Reserve  # noqa: E402

LOCK_FD = 3
RETRY_S = 1.0
"""Between attempts to write what a full disk refused, and between looks where no event comes."""
TOP_UP_S = 60.0
"""Between looks whether the log's reserve is used up."""
LAST_WRITE_S = 7 * 24 * 3600.0
"""How long the final state waits for a full disk."""
ASKS: dict[signal.Signals, str] = {
    signal.SIGTERM: "SIGTERM", signal.SIGUSR1: "SIGKILL", signal.SIGUSR2: "finish this step",
}  # fmt: skip
_DEFAULTED = (*ASKS, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD)


class Shim:
    """One run. `asked` holds the ways in which a person asked it to stop, in order. handed: `env`
    for all steps, `secrets` for each."""

    def __init__(self, root: str, record: dict[str, Any], handed: dict[str, Any]) -> None:
        with open(f"{root}/state.json", encoding="utf-8") as file:
            self.journal = Journal(root, json.load(file))
        self.root = root
        self.record = record
        self.steps: list[dict[str, Any]] = record["steps"]
        self.env: dict[str, str] = handed["env"]
        self.secrets: list[dict[str, str]] = handed.get("secrets", [])
        self.asked: list[str] = []
        self.pid = 0
        self.log_start = 0
        self.reserves = [Reserve(f"{root}/{name}") for name in ("out.log", "events.jsonl")]
        self._wake, writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (*ASKS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKS)
        self._identify()

    def _identify(self) -> None:
        me = os.getpid()
        self.journal.status.update(
            shim_pid=me, shim_start=procs.start_ticks(me), boot_id=procs.boot_id()
        )

    def run(self) -> None:
        """Run all steps from the first."""
        self.journal.set(started_at=time.time())
        self._run_from(0)

    def adopt(self) -> None:
        """Wait for the trainer a former shim left behind, then go on where it would have."""
        status = self.journal.status
        index, pid, start = (int(str(status[k])) for k in ("step_index", "pid", "pid_start"))
        self.pid = pid
        self.journal.set()
        pidfd = procs.open_pidfd(pid, start)
        while procs.is_alive(pid, start):
            if pidfd is not None:
                self._pause([pidfd])
            else:
                self._pause([], poll=True)
        wait_status = procs.foreign_wait_status(pid, start, pidfd)
        self.pid = 0
        code: int | None
        if wait_status is not None:
            code, number = _split(wait_status)
        else:
            code, number = hook_exit_code(f"{self.root}/events.jsonl", index), 0
        if code is None and not number:
            reason = "the shim was killed and its trainer ended unseen: exit code unknown"
            self._finish(index, "lost", None, 0, reason)
        elif self._step_ended(index, code, number):
            self._run_from(index + 1)

    def _run_from(self, first: int) -> None:
        for index in range(first, len(self.steps)):
            try:
                self._start(index)
            except (OSError, ValueError) as error:
                self._finish(index, "failed", 127, 0, f"cannot start the command: {error}")
                return
            code, number = self._wait()
            if not self._step_ended(index, code, number):
                return

    def _start(self, index: int) -> None:
        step = self.steps[index]
        command: list[str] = step["command"]
        now = time.time()
        self.journal.set(
            state="starting", step_index=index, stage_started_at=now, pid=0, pid_start=0
        )
        title, argv = step.get("title", ""), step.get("argv", [])
        self.journal.event("state", what="stage", index=index, title=title, argv=argv)
        os.chdir(str(self.record["checkout_path"]))
        log = os.open(
            f"{self.root}/out.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.log_start = os.lseek(log, 0, os.SEEK_END)
        self._top_up()
        try:
            self.pid = os.posix_spawn(
                command[0],
                command,
                {**self.env, **self._secrets_of(index), **step.get("env", {})},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, null, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setpgroup=0,
                setsigdef=_DEFAULTED,
            )
        finally:
            os.close(log)
            os.close(null)
        self.journal.set(state="running", pid=self.pid, pid_start=procs.start_ticks(self.pid))

    def _secrets_of(self, index: int) -> dict[str, str]:
        return self.secrets[index] if index < len(self.secrets) else {}

    def _wait(self) -> tuple[int | None, int]:
        """Exit code and signal of the trainer. Reaps whatever else became our child."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None, 0
            if pid == self.pid:
                self._kill_descendants()  # ranks that outlived their leader hold its devices
                self.pid = 0
                return _split(status)
            if pid == 0:
                self._pause([])

    def _pause(self, others: list[int], *, poll: bool = False) -> None:
        """Sleep until a signal, a descriptor of `others`, or a retry is due. Acts on signals."""
        timeout = RETRY_S if poll or self.journal.behind else TOP_UP_S
        if self.pid:
            self._top_up()
        select.select([self._wake, *others], [], [], timeout)
        self._take_signals()
        self.journal.flush()

    def _top_up(self) -> None:
        for reserve in self.reserves:
            reserve.top_up()

    def _take_signals(self) -> None:
        try:
            numbers = os.read(self._wake, 512)
        except BlockingIOError:
            return
        for number in numbers:
            if number in ASKS:
                self.asked.append(ASKS[signal.Signals(number)])
            if self.pid and number == signal.SIGTERM:
                _send(self.pid, signal.SIGTERM)
            elif self.pid and number == signal.SIGUSR1:
                ranks = procs.children_of(self.pid)  # torchrun gives them sessions of their own
                _send(self.pid, signal.SIGKILL)
                for pid in ranks:
                    _kill(pid)

    def _kill_descendants(self) -> None:
        for pid in procs.children_of(os.getpid()):
            _kill(pid)

    def _step_ended(self, index: int, code: int | None, number: int) -> bool:
        """Write down the end of a step. True: go on with the next."""
        self._take_signals()
        last = index + 1 == len(self.steps)
        if code == 0 and not (last or self.asked):
            self.journal.event("state", what="stage_end", index=index, exit_code=0, signal=0)
            return True
        state = "done" if code == 0 else "failed"
        self._finish(index, state, code, number, self._reason(code, number, last))
        return False

    def _reason(self, code: int | None, number: int, last: bool) -> str:
        if code == 0:
            left = "" if last else "; the stages after it were not run"
            return f"stopped as asked{left}" if self.asked else ""
        how = f"ended by {_signal_name(number)}" if number else f"exit code {code}"
        words = last_words(f"{self.root}/out.log", self.log_start)
        if self.asked:
            return f"stopped as asked ({self.asked[-1]}): {how}"
        if number == signal.SIGKILL:
            words = "killed from outside: out of memory, or somebody's kill -9"
        return f"{how}: {words}" if words else how

    def _finish(self, index: int, state: str, code: int | None, number: int, reason: str) -> None:
        for reserve in self.reserves:  # on a full disk this is the room the last words need
            reserve.release()
        self.journal.set(
            state=state, exit_code=code, signal=number, reason=reason, ended_at=time.time(), pid=0
        )
        asked = self.asked[-1] if self.asked else ""
        ended = {"index": index, "exit_code": code, "signal": number, "asked": asked}
        self.journal.event("state", what="stage_end", **ended)
        deadline = time.monotonic() + LAST_WRITE_S
        while self.journal.behind and time.monotonic() < deadline:
            self._pause([])


def _split(status: int) -> tuple[int | None, int]:
    """Wait status to (exit code, signal); a signal leaves no exit code."""
    if os.WIFSIGNALED(status):
        return None, os.WTERMSIG(status)
    return os.waitstatus_to_exitcode(status), 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _send(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def main(argv: list[str]) -> int:
    """Entry. Exit code 0 whatever became of the trainer: that is in state.json."""
    root = os.path.abspath(argv[0])
    os.set_inheritable(LOCK_FD, False)
    handed = json.load(sys.stdin)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        os.setsid()
    except PermissionError:
        pass  # already leads a session
    procs.become_subreaper()
    with open(f"{root}/run.json", encoding="utf-8") as file:
        record = json.load(file)
    shim = Shim(root, record, handed)
    if "--adopt" in argv[1:]:
        shim.adopt()
    else:
        shim.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
