"""The request about several runs, for `ask` of either client."""

from __future__ import annotations

from nanochat_host.core.calls import MSGPACK, Call
from nanochat_host.core.wire_compare import CompareRuns, Comparison


def compare(body: CompareRuns) -> Call[Comparison]:
    return Call("POST", "/v1/compare", Comparison, body, MSGPACK)
