"""What travels inside the UI: news from workers to the app, and wishes from screens to the app."""

from __future__ import annotations

from dataclasses import dataclass, field

from nanochat_sdk.protocol import Act
from textual.message import Message

from nanochat_host.core.wire import CheckoutRef, Control, RunSummary, StartRun, StreamMessage
from nanochat_host.core.wire_queue import QueueInfo
from nanochat_host.ui.model import CoreState


@dataclass
class CoreChanged(Message):
    """The core came or went. note: why, for people. restarted: it was up, went, and is back."""

    state: CoreState
    note: str = ""
    restarted: bool = False


@dataclass
class ListsLoaded(Message):
    """The core's runs, checkouts and queue, newest answer."""

    runs: list[RunSummary]
    checkouts: list[CheckoutRef]
    queue: QueueInfo = field(default_factory=QueueInfo)


@dataclass
class News(Message):
    """Something moved in the core (a message of its stream). run_id: the run it was opened for."""

    run_id: str
    news: StreamMessage


@dataclass
class Failure(Message):
    """Something asked for could not be done. message: what. hint: what to do."""

    message: str
    hint: str = ""


@dataclass
class RunStarted(Message):
    """The core took a start."""

    run: RunSummary


@dataclass
class ShowRun(Message):
    """Put this run on show and open its dashboard."""

    run_id: str


@dataclass
class StartWanted(Message):
    """Start a run, then show it."""

    start: StartRun


@dataclass
class SteerWanted(Message):
    """Send a command to the run on show."""

    command: Control


@dataclass
class StopWanted(Message):
    """Ask the person how to stop that run."""

    run_id: str


@dataclass
class DeleteWanted(Message):
    """Ask the person, then delete that ended run."""

    run_id: str


@dataclass
class ActsWanted(Message):
    """A panel asks for actions. panel: "pack:panel". title: for the question. granted:
    capabilities its pack holds. prompted: the person had just done something in it."""

    panel: str
    title: str
    granted: frozenset[str]
    acts: list[Act]
    prompted: bool = False


AnyNews = CoreChanged | ListsLoaded | News | RunStarted | Failure
"""What the link and requests bring, for the news desk."""
