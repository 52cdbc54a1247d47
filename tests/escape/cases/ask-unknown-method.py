"""Ask with methods that nobody has written yet, in the hope that what is new is granted."""


def asks(ctx):
    return [
        {"ask": "net:listen", "port": 1},
        {"ask": "files:write", "path": ctx["marker"]},
    ]


def attempt(ctx):
    return f"ESCAPED: {ctx['answers']}"
