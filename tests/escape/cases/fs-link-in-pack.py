"""Read a token through a link in its own pack."""

from pathlib import Path


def attempt(ctx):
    try:
        return "ESCAPED: " + Path(ctx["pack_dir"], "link_to_secret").read_text()
    except OSError as error:
        return f"blocked: errno {error.errno}"
