"""What the UI sends the core for a pack's panel."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from nanochat_sdk.asks import Ask


class PackAsks(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/packs/{pack}/ask (msgpack), answered by a `nanochat_sdk.asks.Answer`. granted:
    permissions the panel holds; the core checks the question against them."""

    ask: Ask
    granted: Annotated[list[str], Meta(max_length=64)] = []
