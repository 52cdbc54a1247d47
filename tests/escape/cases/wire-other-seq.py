"""Answer a frame that was not asked for."""

import msgspec


def raw(ctx, write):
    packed = msgspec.msgpack.encode({"op": "reply", "seq": ctx["frame"] + 1})
    write(len(packed).to_bytes(4, "big") + packed)
