"""Fork into namespaces of its own by a bare clone."""

import ctypes
import os
import platform

NEWUSER_NEWNET_SIGCHLD = 0x10000000 | 0x40000000 | 17


def attempt(ctx):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    pid = libc.syscall(number, ctypes.c_ulong(NEWUSER_NEWNET_SIGCHLD), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return f"ESCAPED: cloned {pid}" if pid > 0 else f"blocked: errno {ctypes.get_errno()}"
