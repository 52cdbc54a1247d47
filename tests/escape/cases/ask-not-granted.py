"""Ask for what nobody granted: a door of this machine, a note."""


def asks(ctx):
    return [
        {"ask": "net:fetch", "url": f"http://127.0.0.1:{ctx['tcp_port']}/"},
        {"ask": "store:put", "key": "x", "value": b"x"},
        {"ask": "store:list"},
    ]


def attempt(ctx):
    told = [one["status"] for one in ctx["answers"]]
    return f"told {told}" if set(told) <= {"denied"} else f"ESCAPED: {ctx['answers']}"
