"""Mark a chart at a place that is no number."""

import msgspec


def raw(ctx, write):
    chart = {"kind": "chart", "plots": [], "marks": [{"x": float("nan")}]}
    packed = msgspec.msgpack.encode({"op": "reply", "seq": ctx["frame"], "payload": chart})
    write(len(packed).to_bytes(4, "big") + packed)
