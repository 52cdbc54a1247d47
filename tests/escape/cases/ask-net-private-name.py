"""Fetch from granted names that lead to this machine."""


def asks(ctx):
    names = ("inside.test", "mixed.test")
    return [{"ask": "net:fetch", "url": f"http://{name}:{ctx['tcp_port']}/"} for name in names]


def attempt(ctx):
    return "; ".join(one["status"] + " " + one["note"] for one in ctx["answers"])
