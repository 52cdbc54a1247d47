"""Fill the disk with notes."""


def asks(ctx):
    return [
        {"ask": "store:put", "key": f"k{n}", "value": b"x" * 30_000 + bytes([n])} for n in range(8)
    ]


def attempt(ctx):
    return f"told {[one['status'] for one in ctx['answers']]}"
