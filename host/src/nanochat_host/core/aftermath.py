"""The final state of a run that nobody watched to its end."""

from __future__ import annotations

import signal
import time

import msgspec

from nanochat_host.core.shim import procs
from nanochat_host.core.shim.lastwords import hook_exit_code, last_words
from nanochat_host.core.wire import RunStatus
from nanochat_host.paths import RunPaths


def trainer_is_alive(status: RunStatus) -> bool:
    """Is the trainer named in state.json still there: same boot, same process, not only its pid?"""
    if status.boot_id and status.boot_id != procs.boot_id():
        return False
    return procs.is_alive(status.pid, status.pid_start)


def final_status(run: RunPaths, status: RunStatus, steps: int) -> RunStatus:
    """What to write when shim and trainer are gone: the hook's last word if it had one, else
    "lost" and why. steps: commands of the run."""
    code = hook_exit_code(str(run.events_jsonl), status.step_index) if status.pid else None
    rebooted = bool(status.boot_id) and status.boot_id != procs.boot_id()
    last = status.step_index + 1 >= steps
    if code == 0 and last:
        state, reason = "done", ""
    elif code == 0:
        state, reason = "lost", "its shim was killed: the stages that follow were not started"
    elif code is not None:
        words = last_words(str(run.out_log))
        state, reason = "failed", f"exit code {code}" + (f": {words}" if words else "")
    elif rebooted:
        state, reason = "lost", "the machine was restarted while it ran"
    elif status.pid == 0:
        words = last_words(str(run.shim_log))
        state = "lost"
        reason = "its shim ended before the command ran" + (f": {words}" if words else "")
    else:
        state = "lost"
        reason = "shim and trainer both ended while nobody watched: the exit code is unknown"
    return msgspec.structs.replace(
        status, state=state, exit_code=code, reason=reason, ended_at=_last_sign(run), pid=0
    )


def _last_sign(run: RunPaths) -> float:
    """When the run last wrote anything."""
    times = []
    for path in (run.out_log, run.events_jsonl, run.state_json):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=time.time())


def signal_trainer(status: RunStatus, number: int) -> bool:
    """Signal the trainer and, for SIGKILL, its descendants, without a shim's help. False: gone."""
    ranks = procs.children_of(status.pid) if number == signal.SIGKILL else []
    found = procs.send_signal(status.pid, status.pid_start, number)
    if found:
        for pid in ranks:
            procs.send_signal(pid, procs.start_ticks(pid), number)
    return found
