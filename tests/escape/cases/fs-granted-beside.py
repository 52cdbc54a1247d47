"""From a granted folder, reach what lies beside it: by dots, by a link in it, by its own name."""

import os


def attempt(ctx):
    shared = ctx["shared"]
    with open(f"{shared}/file.txt") as file:
        assert file.read() == "free to read"
    relative = os.path.relpath(ctx["secret_file"], shared)
    for path in (f"{shared}/{relative}", f"{shared}/out", ctx["secret_file"]):
        try:
            with open(path) as file:
                return f"ESCAPED: {file.read()}"
        except OSError:
            pass
    try:
        with open(f"{shared}/made", "w"):
            return "ESCAPED: wrote into a folder that is granted for reading"
    except OSError:
        return "refused"
