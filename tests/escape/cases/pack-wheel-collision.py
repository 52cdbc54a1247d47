"""A wheel is laid out when it is unpacked: names that differ in the archive may then be one."""

import os
import zipfile


def build(folder, ctx):
    made = []
    for number, names in enumerate(
        (
            ("panel.py", "evil-1.0.data/purelib/PANEL.py"),
            ("lib/panel.py", "evil-1.0.data/purelib/lib"),
            ("evil-1.0.data/platlib/panel.py", "evil-1.0.data/purelib/panel.py"),
        )
    ):
        path = os.path.join(folder, f"w{number}.whl")
        with zipfile.ZipFile(path, "w") as wheel:
            for name in names:
                wheel.writestr(name, "x = 1")
        made.append((path, "reject"))
    return ("archives", made)
