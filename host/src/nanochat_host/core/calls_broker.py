"""The requests for panels of packs, for `ask` of either client."""

from __future__ import annotations

from urllib.parse import quote

from nanochat_sdk.asks import Answer

from nanochat_host.core.calls import MSGPACK, Call
from nanochat_host.core.wire_broker import PackAsks


def ask(pack_id: str, body: PackAsks) -> Call[Answer]:
    call = Call("POST", f"/v1/packs/{quote(pack_id, safe='')}/ask", Answer, body, MSGPACK)
    # Sent twice, a request to the network would be made twice.
    call.repeatable = False
    return call


def clear_notes(pack_id: str) -> Call[Answer]:
    return Call("DELETE", f"/v1/packs/{quote(pack_id, safe='')}/notes", Answer)
