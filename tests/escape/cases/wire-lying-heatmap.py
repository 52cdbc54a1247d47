"""Announce a heatmap larger than its values."""

import msgspec


def raw(ctx, write):
    heatmap = {"kind": "heatmap", "rows": ["a"] * 200, "columns": 4000, "values": b"\0" * 8}
    packed = msgspec.msgpack.encode({"op": "reply", "seq": ctx["frame"], "payload": heatmap})
    write(len(packed).to_bytes(4, "big") + packed)
