"""Fetch from a granted site that redirects to a granted door of this machine, and to files."""


def asks(ctx):
    site = f"http://public.test:{ctx['web_port']}/to/"
    door = f"127.0.0.1:{ctx['tcp_port']}/"
    targets = (
        f"http://{door}",
        f"//{door}",
        f"http://inside.test:{ctx['tcp_port']}/",
        f"file://{ctx['secret_file']}",
    )
    return [{"ask": "net:fetch", "url": site + target} for target in targets]


def attempt(ctx):
    return "; ".join(one["status"] + " " + one["note"] + one["text"] for one in ctx["answers"])
