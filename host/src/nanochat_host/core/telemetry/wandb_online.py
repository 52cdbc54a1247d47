"""A run at W&B, asked for over its GraphQL API: what it logged since, and whether it still lives.

Polite by construction: one request at a time, never more often than `EVERY_S`, and after a failure
a growing wait with jitter, so that many machines do not come back at once.
"""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.request
from calendar import timegm
from collections.abc import Callable
from typing import Any, NamedTuple

EVERY_S = 15.0
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0
TIMEOUT_S = 20.0
PAGE_STEPS = 1000
MAX_BYTES = 32 * 2**20
QUERY = """
query Run($entity: String, $project: String!, $run: String!, $first: Int64!, $last: Int64!,
          $size: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      state
      heartbeatAt
      displayName
      historyLineCount
      history(minStep: $first, maxStep: $last, samples: $size)
    }
  }
}
"""


class RunAtWandb(NamedTuple):
    """Which run. entity "": the login's own."""

    entity: str
    project: str
    run: str

    @classmethod
    def parse(cls, text: str) -> RunAtWandb | None:
        """From `entity/project/run` or the address of its page; None if it is neither."""
        path = text.strip().split("?")[0].rstrip("/")
        if "://" in path:
            path = path.split("://", 1)[1].partition("/")[2].replace("/runs/", "/")
        parts = path.split("/")
        return cls(*parts) if len(parts) == 3 and all(parts) else None

    def page(self, base_url: str) -> str:
        """Address of its page; "" while its entity is not known."""
        site = base_url.replace("://api.", "://")
        return f"{site}/{self.entity}/{self.project}/runs/{self.run}" if self.entity else ""


class Answer(NamedTuple):
    """rows: history since the last answer. state: W&B's word. heartbeat_at: seconds since 1970, 0
    unknown."""

    rows: list[dict[str, Any]]
    state: str = ""
    heartbeat_at: float = 0.0
    name: str = ""


class RefusedByWandbError(Exception):
    """The token is not good, or there is no such run: asking again will not help."""


class WandbOnline:
    """Polls one run. `poll` blocks; call it beside the loop, when `due`.

    next_at: when to ask again (`clock`'s time). failures: in a row. step: first `_step` not seen.
    """

    def __init__(
        self,
        target: RunAtWandb,
        base_url: str,
        headers: dict[str, str],
        *,
        step: int = 0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.target = target
        self.step = step
        self.next_at = 0.0
        self.failures = 0
        self.trouble = ""
        self._url = f"{base_url}/graphql"
        self._headers = {**headers, "Content-Type": "application/json"}
        self._clock, self._jitter = clock, jitter

    @property
    def due(self) -> bool:
        return self._clock() >= self.next_at

    def poll(self, *, rows: bool = True) -> Answer | None:
        """Ask once. None if it did not work: `trouble` says why, `next_at` when to try again.
        rows: False asks for state and heartbeat only. Raises RefusedByWandbError."""
        self.next_at = self._clock() + EVERY_S
        try:
            answer = self._ask(PAGE_STEPS if rows else 1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (401, 403):
                raise RefusedByWandbError("W&B refuses the token") from None
            self._wait(f"W&B answered {error.code}", error.headers.get("Retry-After"))
            return None
        except (OSError, ValueError) as error:
            self._wait(f"W&B is out of reach: {getattr(error, 'reason', error)}", None)
            return None
        self.failures, self.trouble = 0, ""
        if rows and answer.rows:
            seen = [row["_step"] for row in answer.rows if isinstance(row.get("_step"), int)]
            self.step = max([self.step, *(step + 1 for step in seen)])
        return answer

    def _ask(self, size: int) -> Answer:
        entity, project, run = self.target
        variables = {
            "entity": entity or None, "project": project, "run": run,
            "first": self.step, "last": self.step + PAGE_STEPS, "size": size,
        }  # fmt: skip
        body = json.dumps({"query": QUERY, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, self._headers)
        with _OPENER.open(request, timeout=TIMEOUT_S) as response:
            answer = json.loads(response.read(MAX_BYTES))
        if not isinstance(answer, dict):
            raise ValueError("an answer that makes no sense")
        found = ((answer.get("data") or {}).get("project") or {}).get("run")
        if not found:
            raise RefusedByWandbError(f"W&B knows no run {'/'.join(self.target).lstrip('/')}")
        rows = [json.loads(line) for line in found.get("history") or []]
        if not rows and size > 1 and int(found.get("historyLineCount") or 0) > self.step:
            self.step += PAGE_STEPS  # a stretch of steps without rows
        heartbeat = _seconds(found.get("heartbeatAt"))
        state, name = str(found.get("state", "")), str(found.get("displayName", ""))
        return Answer([row for row in rows if isinstance(row, dict)], state, heartbeat, name)

    def _wait(self, trouble: str, retry_after: str | None) -> None:
        """Full jitter over a doubling wait, but never less than the service asked for."""
        self.failures += 1
        self.trouble = trouble
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self.failures)
        asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        wait_s = max(FIRST_WAIT_S, longest * self._jitter(), min(asked, 3600.0))
        self.next_at = self._clock() + wait_s


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _seconds(stamp: Any) -> float:
    """W&B's UTC time stamp to seconds since 1970."""
    if not isinstance(stamp, str):
        return 0.0
    try:
        return float(timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return 0.0
