"""Fetch from a door of this machine that was granted."""


def asks(ctx):
    return [{"ask": "net:fetch", "url": f"http://127.0.0.1:{ctx['tcp_port']}/"}]


def attempt(ctx):
    return "; ".join(one["status"] + " " + one["note"] for one in ctx["answers"])
