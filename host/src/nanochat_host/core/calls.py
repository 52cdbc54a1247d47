"""Every request of the core's API as a value: what to send and what the answer is.

Both clients send these, so a route is written down once. Standard library, msgspec and wire types
only: the screen imports this before its first paint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from nanochat_sdk.data import Event, LogPage, LogQuery, MachineFacts

from nanochat_host.core import wire
from nanochat_host.errors import (
    CoreUnavailableError,
    NanochatCliError,
    NotFoundError,
    RefusedError,
    UsageError,
)

T = TypeVar("T")
MSGPACK = "application/msgpack"
JSON = "application/json"


HEALTH_S = 5.0
"""Who does not even say that it is there by then is no core, or hangs."""
ANSWER_S = 60.0
ASKED_S = 180.0
"""For what is asked on the way: the checkout about each checkpoint a run begins with, W&B about a
token."""


class Call(Generic[T]):
    """A request. answer: type of the 2xx body. repeatable: sending it twice does no harm. answer_s:
    longest wait for the answer."""

    __slots__ = ("answer", "answer_s", "body", "method", "path", "repeatable", "type")

    def __init__(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: Any = None,
        type: str = JSON,
        answer_s: float = ANSWER_S,
    ) -> None:
        self.answer_s = answer_s
        self.method, self.path, self.answer, self.type = method, path, answer, type
        encode = msgspec.msgpack.encode if type == MSGPACK else msgspec.json.encode
        self.body = b"" if body is None else encode(body)
        self.repeatable = method == "GET" or type == MSGPACK

    def decode(self, status: int, body: bytes) -> T:
        """The answer. Raises what the core raised, or CoreUnavailableError for nonsense."""
        try:
            if status >= 300:
                raise error_of(status, msgspec.json.decode(body, type=wire.ErrorBody))
            if self.type == MSGPACK:
                return msgspec.msgpack.decode(body, type=self.answer)
            return msgspec.json.decode(body, type=self.answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CoreUnavailableError(
                f"the core's answer to {self.path} makes no sense: {error}",
                "it may be of another version: `nanochat-cli core stop`, then try again",
            ) from None


def error_of(status: int, body: wire.ErrorBody) -> NanochatCliError:
    """The error the core raised: the class of its status, with the core's own code."""
    error = _CLASSES.get(status, NanochatCliError)(body.message, body.hint)
    error.code, error.status = body.code, status
    return error


_CLASSES: dict[int, type[NanochatCliError]] = {
    kind.status: kind for kind in (UsageError, RefusedError, NotFoundError, CoreUnavailableError)
}


def _run(run_id: str, rest: str = "") -> str:
    return f"/v1/runs/{quote(run_id, safe='')}{rest}"


def health() -> Call[wire.CoreInfo]:
    return Call("GET", "/v1/health", wire.CoreInfo, answer_s=HEALTH_S)


def shutdown() -> Call[wire.CoreInfo]:
    return Call("POST", "/v1/shutdown", wire.CoreInfo)


def set_debug(on: bool) -> Call[wire.CoreInfo]:
    return Call("POST", "/v1/debug", wire.CoreInfo, wire.SetDebug(on))


def machine() -> Call[MachineFacts]:
    return Call("GET", "/v1/machine", MachineFacts)


def checkouts() -> Call[list[wire.CheckoutRef]]:
    return Call("GET", "/v1/checkouts", list[wire.CheckoutRef])


def checkout(name: str) -> Call[wire.CheckoutInfo]:
    return Call("GET", f"/v1/checkouts/{quote(name, safe='')}", wire.CheckoutInfo)


def add_checkout(body: wire.AddCheckout) -> Call[wire.CheckoutRef]:
    return Call("POST", "/v1/checkouts", wire.CheckoutRef, body)


def remove_checkout(name: str) -> Call[wire.CheckoutRef]:
    return Call("DELETE", f"/v1/checkouts/{quote(name, safe='')}", wire.CheckoutRef)


def runs() -> Call[list[wire.RunSummary]]:
    return Call("GET", "/v1/runs", list[wire.RunSummary])


def run(run_id: str) -> Call[wire.RunDetail]:
    return Call("GET", _run(run_id), wire.RunDetail)


def start_run(body: wire.StartRun) -> Call[wire.RunSummary]:
    return Call("POST", "/v1/runs", wire.RunSummary, body, answer_s=ASKED_S)


def control(run_id: str, body: wire.Control) -> Call[wire.ControlAck]:
    return Call("POST", _run(run_id, "/control"), wire.ControlAck, body)


def stop_run(run_id: str, body: wire.StopRun) -> Call[wire.ControlAck]:
    return Call("POST", _run(run_id, "/stop"), wire.ControlAck, body)


def delete_run(run_id: str) -> Call[wire.RunSummary]:
    return Call("DELETE", _run(run_id), wire.RunSummary)


def metrics(run_id: str) -> Call[list[wire.MetricInfo]]:
    return Call("GET", _run(run_id, "/metrics"), list[wire.MetricInfo])


def log(run_id: str, query: LogQuery) -> Call[LogPage]:
    search = urlencode({"lines": query.lines, "search": query.search, "level": query.level})
    return Call("GET", _run(run_id, f"/log?{search}"), LogPage)


def events(run_id: str, kinds: Sequence[str], limit: int) -> Call[list[Event]]:
    search = urlencode({"kinds": ",".join(kinds), "limit": limit})
    return Call("GET", _run(run_id, f"/events?{search}"), list[Event])


def query(body: wire.Query) -> Call[wire.QueryResult]:
    return Call("POST", "/v1/query", wire.QueryResult, body, MSGPACK)


def stream(run_id: str) -> Call[wire.StreamMessage]:
    """Answered by server-sent events, each a StreamMessage."""
    return Call("GET", f"/v1/stream?{urlencode({'run': run_id})}", wire.StreamMessage)
