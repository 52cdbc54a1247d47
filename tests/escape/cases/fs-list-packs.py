"""List the folder that all packs lie in."""

import os


def attempt(ctx):
    try:
        return f"ESCAPED: {os.listdir(os.path.dirname(ctx['pack_dir']))}"
    except OSError as error:
        return f"blocked: errno {error.errno}"
