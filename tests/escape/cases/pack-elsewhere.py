"""A wheel that would put something into the host's own Python, or in the way of one."""

import os
import zipfile


def build(folder, ctx):
    made = []
    for number, name in enumerate(
        (
            "evil-1.0.data/scripts/nanochat-cli",
            "evil-1.0.data/data/bin/python",
            "evil-1.0.data/headers/x.h",
            "evil.pth",
            "pkg/EVIL.PTH",
            "aux.py",
            "pkg/x.py ",
            "pkg./x.py",
        )
    ):
        path = os.path.join(folder, f"w{number}.whl")
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(name, f"open({ctx['marker']!r}, 'w')")
        made.append((path, "reject"))
    return ("archives", made)
