"""Make a socket from machine code in a private page, past every library."""

import ctypes
import mmap

SOCKET = bytes.fromhex("b829000000bf02000000be0200000031d20f05c3")  # socket(AF_INET, SOCK_DGRAM, 0)


def attempt(ctx):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = mmap.mmap(-1, 4096, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(SOCKET)
    got = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    return f"ESCAPED: socket {got}" if got >= 0 else f"blocked: {got}"
