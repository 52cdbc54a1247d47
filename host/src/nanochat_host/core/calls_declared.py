"""The requests about what packs declare, for `ask` of either client."""

from __future__ import annotations

from nanochat_host.core.calls import Call
from nanochat_host.core.wire_declared import DeclaredPack, PackAlert


def declared() -> Call[list[DeclaredPack]]:
    return Call("GET", "/v1/declared", list[DeclaredPack])


def pack_alerts() -> Call[list[PackAlert]]:
    return Call("GET", "/v1/alerts/rules", list[PackAlert])
