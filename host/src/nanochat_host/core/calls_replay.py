"""The requests about replays, for `ask` of either client."""

from __future__ import annotations

from nanochat_host.core.calls import Call
from nanochat_host.core.wire import RunSummary
from nanochat_host.core.wire_replay import StartReplay


def start_replay(body: StartReplay) -> Call[RunSummary]:
    return Call("POST", "/v1/replays", RunSummary, body)
