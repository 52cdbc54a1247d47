"""Read a token by its full path."""

from pathlib import Path


def attempt(ctx):
    try:
        return "ESCAPED: " + Path(ctx["secret_file"]).read_text()
    except OSError as error:
        return f"blocked: errno {error.errno}"
