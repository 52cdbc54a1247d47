"""What a run costs, with an exchange rate that the host fetches for the panel."""

from __future__ import annotations

import json
import math

from nanochat_sdk import (
    Answer,
    Data,
    Fetch,
    Gauge,
    Needs,
    Panel,
    Payload,
    RunFacts,
    Size,
    StoreGet,
    StorePut,
    notice,
)
from nanochat_sdk import format as fmt

URL = "https://api.frankfurter.dev/v1/latest?base=USD&symbols={}"
REFRESH_S = 6 * 3600.0
RETRY_S = 60.0
ENDED = ("done", "failed", "lost")


class CostTicker(Panel):
    """Keeps the last rate as a note, so that it is there at once the next time, also offline."""

    def __init__(self, options: dict[str, object] | None = None) -> None:
        super().__init__(options)
        self._run: RunFacts | None = None
        self._now = 0.0
        self._rate: float | None = None
        self._note = self._asked = 0
        self._next_at = -math.inf
        self._trouble = ""

    @property
    def _key(self) -> str:
        return f"rate-{self.options.currency}"

    def needs(self, size: Size) -> Needs:
        return Needs()

    def update(self, data: Data) -> bool:
        self._run, self._now = data.run, data.now
        if self.options.currency != "USD":
            if not self._note:
                self._note = self.ask(StoreGet(self._key))
            elif data.now >= self._next_at:
                self._next_at = data.now + RETRY_S
                self._asked = self.ask(Fetch(URL.format(self.options.currency)))
            for number, answer in data.answers.items():
                self._take(number, answer)
        return True

    def _take(self, number: int, answer: Answer) -> None:
        """A note kept earlier, or the page that was asked for."""
        if number == self._note and answer.status == "ok":
            self._rate = fmt.as_float(answer.text)
        elif number == self._asked:
            self._trouble = answer.note or answer.status
            found = _rate(answer, self.options.currency)
            if found is not None:
                self._rate, self._trouble = found, ""
                self._next_at = self._now + REFRESH_S
                self.ask(StorePut(self._key, f"{found}".encode()))

    def render(self, size: Size) -> Payload:
        run = self._run
        if run is None or not 0 < run.started_at < math.inf:
            return notice("nothing has been spent", "the ticker runs from the run's first second")
        hourly = run.cost_per_hour if 0 < run.cost_per_hour < 1e9 else self.options.cost_per_hour
        until = run.ended_at if run.state in ENDED and run.ended_at else self._now
        hours = max(0.0, until - run.started_at) / 3600
        if not hours < 1e6:
            return notice("the run's clock makes no sense", "its start is not a moment in time")
        spent = hours * hourly
        done = run.step / run.num_steps if run.num_steps > 0 else 0.0
        whole = spent / done if 0 < done <= 1 else 0.0
        aim = self.options.budget or whole
        share = min(spent / aim, 1.0) if aim > 0 else 0.0
        words = [self._money(spent)]
        if whole:
            words.append(f"{self._money(whole)} at the end")
        if self.options.budget:
            words.append(f"budget {fmt.dollars(self.options.budget)}")
        self.status = self._trouble and f"no rate: {fmt.plain(self._trouble, 60)}"
        label = f"{fmt.dollars(hourly)}/h"
        return Gauge(label=label, value=share, text="   ".join(words), warn=0.8)

    def _money(self, dollars: float) -> str:
        if self._rate is None or self.options.currency == "USD":
            return fmt.dollars(dollars)
        return f"{fmt.dollars(dollars)} ({dollars * self._rate:,.2f} {self.options.currency})"


def _rate(answer: Answer, currency: str) -> float | None:
    """The rate in the page, None for anything else: a page may hold whatever it likes."""
    try:
        found = fmt.as_float(json.loads(answer.text)["rates"][currency])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if found is not None and 0 < found < 1e6 else None
