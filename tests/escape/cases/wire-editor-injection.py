"""Escapes and turned text in an editor."""

EVIL = "\x1b]0;owned\x07\x1b[2J\u202ea\u0000\x9b31m"


def payload(ctx):
    return {"kind": "editor", "title": EVIL, "message": EVIL, "text": f"{EVIL}\n{EVIL}\r{EVIL}"}
