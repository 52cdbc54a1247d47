"""Claim closed walls in a hello that comes later."""

import msgspec


def raw(ctx, write):
    hello = {"op": "hello", "wire": 1, "api": 1, "sdk": "9", "pid": 1, "walls": {}}
    packed = msgspec.msgpack.encode(hello)
    write(len(packed).to_bytes(4, "big") + packed)
