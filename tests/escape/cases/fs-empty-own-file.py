"""Empty a file of its own pack with O_RDONLY|O_TRUNC, which needs no right to write."""

import os


def attempt(ctx):
    try:
        os.open(os.path.join(ctx["pack_dir"], "panel_data.txt"), os.O_RDONLY | os.O_TRUNC)
    except OSError as error:
        return f"blocked: errno {error.errno}"
    return "ESCAPED: emptied"
