"""A form of 100,000 fields, one that asks for a secret, two of one name."""

import json
import struct


def raw(ctx, write):
    one = {"type": "text", "name": "a", "label": "A"}
    bodies = (
        {"kind": "form", "fields": [{**one, "name": f"f{n}"} for n in range(4000)]},
        {"kind": "form", "fields": [{**one, "type": "password"}]},
        {"kind": "form", "fields": [one, one]},
    )
    body = bodies[(ctx["frame"] - 1) % len(bodies)]
    said = json.dumps({"seq": ctx["frame"], "body": body}).encode()
    write(struct.pack(">I", len(said)) + said)
