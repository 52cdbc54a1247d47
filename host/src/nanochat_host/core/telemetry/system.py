"""Readings of this machine and of a run's processes, through psutil."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from pathlib import Path

import msgspec
import psutil
from nanochat_sdk.data import MachineFacts

from nanochat_host.core.telemetry.nvml import Gpus


class _Pid(msgspec.Struct):
    pid: int = 0


class ProcessTree:
    """Load and memory of a process and all its children. State: CPU seconds at the last look."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, float], float] = {}
        self._at = 0.0

    def read(self, pid: int) -> dict[str, float]:
        """`sys/proc_cpu` from the second look on and `sys/proc_rss`; {} when the tree is gone."""
        now, seconds, rss = time.monotonic(), {}, 0
        for process in self._family(pid):
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                seconds[process.pid, process.create_time()] = times.user + times.system
                rss += process.memory_info().rss
        before, self._seconds = self._seconds, seconds
        elapsed, self._at = now - self._at, now
        if not seconds:
            return {}
        out = {"sys/proc_rss": float(rss)}
        if before and elapsed > 0:
            used = sum(s - before.get(key, 0.0) for key, s in seconds.items())
            out["sys/proc_cpu"] = max(0.0, 100 * used / elapsed)
        return out

    def _family(self, pid: int) -> list[psutil.Process]:
        found, queue = [], [pid]
        while queue:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(queue.pop())
                found.append(process)
                queue.extend(_children(process))
        return found


def _children(process: psutil.Process) -> list[int]:
    """Direct children. Where Linux lists them this costs a file, not a walk over all processes."""
    if not sys.platform.startswith("linux"):
        return [child.pid for child in process.children()]
    pids: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                pids.extend(map(int, (task / "children").read_text().split()))
    return pids


class Sampler:
    """Reads everything once per `read`. Not thread-safe: one thread at a time may read.

    disk: the folder whose free space counts.
    """

    def __init__(self, disk: Path, gpus: Gpus | None = None) -> None:
        self.disk = disk
        self.gpus = gpus or Gpus()
        self._trees: dict[str, ProcessTree] = {}
        self._pids: dict[str, tuple[int, int]] = {}
        self._counters: dict[str, float] = {}
        self._at = 0.0

    def open(self) -> None:
        """Find the GPUs and take the first counters, so that the next read has rates."""
        self.gpus.open()
        psutil.cpu_percent(percpu=True)
        self._rates(time.monotonic())

    def read(self) -> dict[str, float]:
        """Readings of the machine by metric name."""
        cores = psutil.cpu_percent(percpu=True) or [0.0]
        memory = psutil.virtual_memory()
        out = {
            "sys/cpu": sum(cores) / len(cores),
            "sys/cpu_max": max(cores),
            "sys/mem_used": float(memory.total - memory.available),
            "sys/mem": float(memory.percent),
            **self._rates(time.monotonic()),
        }
        with contextlib.suppress(OSError):
            out["sys/disk_free"] = float(psutil.disk_usage(_existing(self.disk)).free)
        return out | self.gpus.read()

    def read_runs(self, runs: dict[str, Path]) -> dict[str, dict[str, float]]:
        """Readings of runs' processes. runs: run id to its state.json, which names the pid."""
        self._trees = {run: self._trees.get(run, ProcessTree()) for run in runs}
        self._pids = {run: self._pids[run] for run in runs if run in self._pids}
        out = {}
        for run, state in runs.items():
            if pid := self._pid(run, state):
                out[run] = self._trees[run].read(pid)
        return out

    def facts(self) -> MachineFacts:
        """What this machine is."""
        disk_bytes = 0
        with contextlib.suppress(OSError):
            disk_bytes = psutil.disk_usage(_existing(self.disk)).total
        return MachineFacts(
            hostname=socket.gethostname(),
            cpu_count=os.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            disk_bytes=disk_bytes,
            disk_path=str(self.disk),
            gpus=list(self.gpus.infos),
            gpu_note=self.gpus.note,
        )

    def _pid(self, run: str, state: Path) -> int:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            changed = state.stat().st_mtime_ns
            if self._pids.get(run, (0, 0))[0] != changed:
                found = msgspec.json.decode(state.read_bytes(), type=_Pid)
                self._pids[run] = (changed, found.pid)
        return self._pids.get(run, (0, 0))[1]

    def _rates(self, now: float) -> dict[str, float]:
        counters: dict[str, float] = {}
        with contextlib.suppress(OSError, RuntimeError, NotImplementedError):
            if disk := psutil.disk_io_counters():
                counters["sys/disk_read"] = float(disk.read_bytes)
                counters["sys/disk_write"] = float(disk.write_bytes)
            if net := psutil.net_io_counters():
                counters["sys/net_in"] = float(net.bytes_recv)
                counters["sys/net_out"] = float(net.bytes_sent)
        before, self._counters = self._counters, counters
        elapsed, self._at = now - self._at, now
        shared = before.keys() & counters.keys()
        return {k: max(0.0, counters[k] - before[k]) / max(elapsed, 1e-3) for k in shared}


def _existing(path: Path) -> str:
    while not path.exists() and path != path.parent:
        path = path.parent
    return str(path)
