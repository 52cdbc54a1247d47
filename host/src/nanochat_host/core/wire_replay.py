"""What travels about replays. Bodies are JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

AbsoluteFile = Annotated[str, Meta(max_length=4096, pattern=r"^/[^\x00]*$")]
Pair = Annotated[str, Meta(max_length=400, pattern=r"^[^=]+=")]


class StartReplay(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/replays. files: a log, an events.jsonl, spans as JSON lines, each perhaps gzipped,
    all of one run. speed: how many times faster than it happened, 0 is at once. only: KEY=VALUE
    that the resource of a span must have."""

    files: Annotated[list[AbsoluteFile], Meta(min_length=1, max_length=16)]
    speed: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    name: Annotated[str, Meta(max_length=120)] = ""
    only: Annotated[list[Pair], Meta(max_length=8)] = []
