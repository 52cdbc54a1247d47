"""Enter the kernel by int 0x80 from a private page, with the numbers of 32-bit programs."""

import ctypes
import mmap
import os

FORK_BY_INT80 = bytes.fromhex("53b802000000cd805bc3")  # push rbx; eax = 2; int 0x80; pop rbx; ret


def attempt(ctx):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = mmap.mmap(-1, 4096, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(FORK_BY_INT80)
    pid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if pid == 0:
        os._exit(0)
    return f"ESCAPED: forked {pid}" if pid > 0 else f"blocked: {pid}"
