"""Fetch what a cloud tells its machines about themselves, keys among it."""


def asks(ctx):
    hosts = ("169.254.169.254", "100.100.100.200", "0.0.0.0", "10.0.0.1")
    return [{"ask": "net:fetch", "url": f"http://{host}:80/latest/meta-data/"} for host in hosts]


def attempt(ctx):
    answers = ctx["answers"]
    if any(one["status"] == "ok" or "public internet" not in one["note"] for one in answers):
        return f"ESCAPED: {answers}"
    return f"{len(answers)} refused"
