"""Manifests with escapes, direction overrides and invisible characters in what the person reads."""

import os

MANIFEST = '[pack]\nname = "{}"\nversion = "{}"\nentry = "panel:main"\n'


def build(folder, ctx):
    wanted = {}
    for name, version in (
        ("plain", "1.0"),
        ("escape", "1.0\\u001b]0;x\\u0007"),
        ("override", "1.0\\u202e"),
        ("invisible", "1.0\\u200b"),
        ("lines", "1.0\\nbuiltin  9.9"),
    ):
        os.makedirs(place := os.path.join(folder, name))
        with open(os.path.join(place, "pack.toml"), "w") as file:
            file.write(MANIFEST.format(name, version))
        wanted[name] = "ok" if name == "plain" else "reject"
    return ("manifest", folder, wanted)
