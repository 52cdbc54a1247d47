"""Keep a note under a key that leads out of the folder for notes."""


def asks(ctx):
    return [{"ask": "store:put", "key": f"../../marker/{ctx['case']}", "value": b"here"}]


def attempt(ctx):
    return f"told {ctx['answers']}"
