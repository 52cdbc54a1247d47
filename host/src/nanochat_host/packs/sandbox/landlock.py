"""Landlock: which files may be read, and that nothing may be written, bound or connected to.

Handles every right the kernel's version (ABI) knows, and allows reading below the folders given.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from stat import S_ISDIR

from nanochat_host.packs.sandbox import kernel

_FS_RIGHTS = (
    *("execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file", "make_char"),
    *("make_dir", "make_reg", "make_sock", "make_fifo", "make_block", "make_sym", "refer"),
    *("truncate", "ioctl_dev"),
)
_BIT = {name: 1 << position for position, name in enumerate(_FS_RIGHTS)}
READ_FILE, READ_DIR, WRITE_FILE = _BIT["read_file"], _BIT["read_dir"], _BIT["write_file"]
READ = READ_FILE | READ_DIR
_OF_FILES = _BIT["execute"] | WRITE_FILE | READ_FILE | _BIT["truncate"] | _BIT["ioctl_dev"]
_FS_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_BIND_AND_CONNECT_TCP = 3
_SCOPE_UNIX_AND_SIGNAL = 3
_VERSION_FLAG, _RULE_PATH_BENEATH = 1, 1


def abi() -> int:
    """The kernel's version of Landlock, 0 without it."""
    if not kernel.KNOWN:
        return 0
    try:
        return kernel.system_call("landlock_create_ruleset", 0, 0, _VERSION_FLAG)
    except OSError:
        return 0


def ruleset(rules: Iterable[tuple[str | int, int]], version: int) -> int:
    """A descriptor of the rules, for `restrict` in any number of processes.

    rules: path, or descriptor of one, and the rights below it; a path that is missing or not ours
    to see is left out.
    version: at most `abi()`. Raises OSError.
    """
    handled = (1 << _FS_RIGHTS_OF_ABI[min(version, max(_FS_RIGHTS_OF_ABI))]) - 1
    net = _BIND_AND_CONNECT_TCP if version >= 4 else 0
    scoped = _SCOPE_UNIX_AND_SIGNAL if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", handled, net, scoped)[:size], size)
    fd = kernel.system_call("landlock_create_ruleset", attributes, size, 0)
    try:
        for path, rights in rules:
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _allow(fd, path, rights & handled)
    except BaseException:
        os.close(fd)
        raise
    return fd


def restrict(ruleset_fd: int) -> None:
    """Hold this process and its descendants to the rules, for good. Raises OSError."""
    kernel.system_call("landlock_restrict_self", ruleset_fd, 0)


def _allow(ruleset_fd: int, path: str | int, rights: int) -> None:
    fd = os.dup(path) if isinstance(path, int) else os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not S_ISDIR(os.fstat(fd).st_mode):
            rights &= _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd), 12)
        kernel.system_call("landlock_add_rule", ruleset_fd, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)
