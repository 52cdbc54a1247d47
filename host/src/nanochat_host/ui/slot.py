"""A panel on show, as the data plane sees it: what it has, and when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
from nanochat_sdk.data import Needs
from nanochat_sdk.protocol import Input, View

if TYPE_CHECKING:
    from nanochat_host.packs.process import PanelProcess


class Shown(Protocol):
    """What the feed needs of a panel on the screen."""

    view: View
    source_gone: bool

    @property
    def inner_size(self) -> tuple[int, int]:
        """Cells inside the frame."""

    def refresh_from_process(self) -> None:
        """Paint what the process holds now."""


class Slot(msgspec.Struct, eq=False):
    """One panel on show. rev: revision of the core's data it has. due: something moved since it
    was last pulled. force: it must draw again whatever the data. inputs: typed, not yet handed
    over. answers: to its questions, not yet handed over. asked: needs of its last query. renew_at:
    from when on these may be others. run: id of the run it shows, "" for the run on show."""

    panel: Shown
    process: PanelProcess
    period_s: float
    run: str = ""
    rev: int = 0
    due: bool = True
    force: bool = True
    pulled_at: float = -1e9
    inputs: list[Input] = []
    answers: bool = False
    asked: Needs | None = None
    machine: bool = False
    renew_at: float = -1e9

    @property
    def has_room(self) -> bool:
        """There is a cell to draw in. Else it waits for a new size, which asks for it again."""
        return min(self.panel.inner_size) > 0

    def wait_s(self, now: float) -> float:
        """Seconds until it may be pulled."""
        if self.inputs or self.force:
            return 0.0
        wait_s = self.pulled_at + self.period_s - now
        if self.asked is not self.process.needs and not self.process.prompted:
            wait_s = max(wait_s, self.renew_at - now)
        return wait_s


def wants_machine(needs: Needs) -> bool:
    """The needs hold something that moves with the machine rather than with the run."""
    names = [query.metric for query in needs.series] + list(needs.latest)
    return needs.machine or any(name.startswith(("sys/", "gpu/", "*")) for name in names)
