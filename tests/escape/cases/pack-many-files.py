"""A wheel with a hundred thousand files, and one that lists one file over and over."""

import os
import struct
import zipfile


def build(folder, ctx):
    many = os.path.join(folder, "many.whl")
    with zipfile.ZipFile(many, "w") as wheel:
        for number in range(100_000):
            wheel.writestr(f"pkg/f{number}.py", "")
    again = os.path.join(folder, "again.whl")
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("pkg/a.bin", os.urandom(1 << 10) * 900)
    with open(again, "rb") as file:
        raw = file.read()
    at, end = raw.find(b"PK\1\2"), raw.rfind(b"PK\5\6")
    entry = bytearray(raw[at:end])
    entries = b""
    for number in range(1500):
        entry[46 + 4 : 46 + 9] = b"%05d" % number
        entries += entry
    tail = bytearray(raw[end:])
    tail[8:16] = struct.pack("<2HL", 1500, 1500, len(entries))
    with open(again, "wb") as file:
        file.write(raw[:at] + entries + tail)
    return ("archives", [(many, "reject"), (again, "reject")])
