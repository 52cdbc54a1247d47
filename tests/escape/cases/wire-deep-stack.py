"""Nest stacks a thousand deep."""

import msgspec


def raw(ctx, write):
    leaf = msgspec.msgpack.encode({"kind": "text", "lines": []})
    level = b"\x82\xa4kind\xa5stack\xa8children\x91\x81\xa7payload"
    head = b"\x83\xa2op\xa5reply\xa3seq" + msgspec.msgpack.encode(ctx["frame"]) + b"\xa7payload"
    packed = head + level * 1000 + leaf
    write(len(packed).to_bytes(4, "big") + packed)
