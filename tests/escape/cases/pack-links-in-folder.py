"""A folder whose files are links to a secret, pipes that never end, or names that are two."""

import os

MANIFEST = '[pack]\nname = "{}"\nversion = "1.0"\nentry = "panel:main"\n'


def build(folder, ctx):
    wanted = {}

    def pack(name, word="reject"):
        place = os.path.join(folder, name)
        os.makedirs(place)
        with open(os.path.join(place, "pack.toml"), "w") as file:
            file.write(MANIFEST.format(name))
        wanted[name] = word
        return place

    pack("plain", "ok")
    os.symlink(ctx["secret_file"], os.path.join(pack("link"), "data.txt"))
    os.symlink(ctx["home"], os.path.join(pack("links"), "data"))
    os.mkfifo(os.path.join(pack("pipe"), "panel.py"))
    odd = pack("odd")
    for name in ("a\nb.py", "x.pth"):
        open(os.path.join(odd, name), "w").close()
    case = pack("case")
    for name in ("panel.py", "PANEL.py"):
        open(os.path.join(case, name), "w").close()
    return ("manifest", folder, wanted)
