"""Archives in which two programs see different files: each offset, size and name said twice, once
true and once not, bytes of no file and of two, a name that is a file and a folder."""

import os
import struct
import zipfile

SIGN, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


def archive(path, entries=(("pkg/a.py", b"x = 1"), ("pkg/b.py", b"y = 1")), extra=b""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.extra = extra
            made.writestr(info, data)
    with open(path, "rb") as file:
        return bytearray(file.read())


def build(folder, ctx):
    made = []

    def add(name, raw):
        path = os.path.join(folder, name + ".whl")
        with open(path, "wb") as file:
            file.write(raw)
        made.append((path, "reject"))

    raw = archive(os.path.join(folder, "plain.whl"))
    made.append((os.path.join(folder, "plain.whl"), "ok"))
    add("prefix", b"#!/bin/sh\nexit\n" + raw)
    add("suffix", raw + b"more")
    other = archive(os.path.join(folder, "other.tmp"), [("pkg/a.py", b"import os")])
    add("two", bytes(raw) + bytes(other))
    one = bytearray(raw)
    at = one.find(LOCAL)
    one[at + 30 : at + 38] = b"pkg/c.py"  # the same length as the name listed
    add("name", one)
    one = bytearray(raw)
    second = one.find(SIGN, one.find(SIGN) + 4)
    one[second + 42 : second + 46] = struct.pack("<L", 0)  # both names lie at the first file
    add("overlap", one)
    one = bytearray(raw)
    end = one.rfind(END)
    one[end + 8 : end + 12] = struct.pack("<2H", 1, 1)  # fewer files than are listed
    add("count", one)
    one = bytearray(raw)
    one[one.find(SIGN) + 16] ^= 1
    add("sum", one)
    hidden = struct.pack("<2HBL", 0x7075, 13, 1, 0) + b"pkg/c.py"
    add("second-name", archive(os.path.join(folder, "unicode.tmp"), extra=hidden))
    add("is-folder", archive(os.path.join(folder, "is.tmp"), [("a", b"x"), ("a/b.py", b"y")]))
    gap = bytearray(raw)
    start = gap.find(SIGN)
    gap[start:start] = b"\0" * 8
    end = gap.rfind(END)
    gap[end + 16 : end + 20] = struct.pack("<L", start + 8)
    add("gap", gap)
    return ("archives", made)
