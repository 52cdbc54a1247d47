"""The loops that were found, and the one of them that runs."""

from __future__ import annotations

from dataclasses import replace

from .control import ControlFile
from .events import EventWriter
from .ranks import Ranks
from .signals import StopSignal
from .steering import Steering
from .ticker import Ticker
from .transform import Report


class Hooks:
    """ticker: of the loop that runs or ran last; before, of the one found last."""

    ticker: Ticker

    def __init__(self, events: EventWriter, control: ControlFile, ranks: Ranks) -> None:
        self._events = events
        self._control = control
        self._ranks = ranks
        self._signals = StopSignal()
        self._reasons: list[str] = []
        self._found: dict[Ticker, tuple[Report, str, Steering]] = {}

    def hook_for(self, report: Report, path: str) -> Ticker:
        """What the loop in that file is to call. Told at once, and again when it is not the last
        one found that begins."""
        steering = Steering(report, self._control, self._events, self._ranks, self._signals)
        ticker = Ticker(report, self._events, steering, self._signals, self._begins)
        self._found[ticker] = (report, path, steering)
        self._take(ticker)
        return ticker

    def refused(self, path: str, why: str) -> None:
        """A module of the checkout that may hold a loop could not be instrumented."""
        report, own, _ = self._found[self.ticker]
        if report.loop is None:
            self._reasons.append(f"{path} could not be instrumented: {why}")
            self._tell(replace(report, reason="; ".join([report.reason, *self._reasons])), own)

    def teed(self, data: dict[str, float], step: int | None) -> None:
        """As the ticker's."""
        self.ticker.teed(data, step)

    def forced_save(self) -> bool:
        """Whether the save that happens now is ours."""
        return self._found[self.ticker][2].forced_save

    def _begins(self, ticker: Ticker) -> None:
        if ticker is not self.ticker:
            self._take(ticker)

    def _take(self, ticker: Ticker) -> None:
        self.ticker = ticker
        report, path, _ = self._found[ticker]
        self._tell(report, path)

    def _tell(self, report: Report, path: str) -> None:
        self._events.state(
            "instrumented",
            path=path,
            loop=report.loop,
            line=report.line,
            actions=report.actions,
            live=report.live,
            reason=report.reason,
        )
