"""Makes all ranks act on the same commands at the same loop top.

Rank 0 reads the control file. Every iteration the ranks combine two numbers over gloo: how many
bytes of commands rank 0 has, and whether any rank was told to stop. Only when there are commands a
second message carries them.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from .control import Command

LONGEST_PAUSE = timedelta(days=30)


class Ranks:
    def __init__(self, rank: int, world: int) -> None:
        self.rank = rank
        self.world = world
        self._group: Any = None
        self._counts: Any = None
        self.reads = rank == 0
        """Whether this rank reads the control file."""

    def connect(self) -> None:
        """Called by all ranks at their first loop top, once the script has set up its own group.

        Without a group (nanochat under torchrun on a CPU trains independent models) each rank
        reads the file itself.
        """
        if self.world == 1:
            return
        import torch
        import torch.distributed as dist

        if not dist.is_available() or not dist.is_initialized():
            self.reads = True
            return
        self._group = dist.new_group(backend="gloo", timeout=LONGEST_PAUSE)
        self._counts = torch.zeros(2, dtype=torch.int64)

    def disconnect(self) -> None:
        """Called by every rank once its loop is over: the script destroys its own group and not
        ours, and a thread of gloo that outlives Python aborts the process on its way out."""
        group, self._group = self._group, None
        if group is None:
            return
        import torch.distributed as dist

        if dist.is_initialized():
            dist.destroy_process_group(group)

    def agree(self, commands: list[Command], stop: bool) -> tuple[list[Command], bool]:
        """Rank 0's commands, and whether any rank was told to stop."""
        if self._group is None:
            return commands, stop
        import torch
        import torch.distributed as dist

        payload = json.dumps([c.as_dict() for c in commands]).encode() if commands else b""
        self._counts[0] = len(payload) if self.rank == 0 else 0
        self._counts[1] = int(stop)
        dist.all_reduce(self._counts, op=dist.ReduceOp.MAX, group=self._group)
        size, any_stop = self._counts.tolist()
        if size:
            text = torch.zeros(size, dtype=torch.uint8)
            if self.rank == 0:
                text = torch.frombuffer(bytearray(payload), dtype=torch.uint8)
            dist.broadcast(text, 0, group=self._group)
            commands = [Command(**raw) for raw in json.loads(bytes(text.tolist()))]
        else:
            commands = []
        return commands, bool(any_stop)
