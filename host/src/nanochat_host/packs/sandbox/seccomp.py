"""The system call filter: assembled once, and given each worker's own pid.

The program is classic BPF over `struct seccomp_data`: number at 0, architecture at 4, arguments as
pairs of 32-bit words from 16. A pid stands in it wherever a worker may name itself.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable

from nanochat_host.packs.sandbox import kernel
from nanochat_host.packs.sandbox.syscall_lists import (
    ALLOWED,
    F_SETFL,
    FATAL,
    FCNTLS,
    FIRST_UNKNOWN,
    IOCTLS,
    MAP_ANONYMOUS,
    MAP_SHARED,
    MISSING,
    O_ACCMODE,
    O_ASYNC,
    O_TRUNC,
    PRCTLS,
    REFUSED,
)

LOAD, AND, IF_EQUAL, IF_ANY_BIT, IF_AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x45, 0x35, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OWN_PID = 0xFFFF_FFFE
"""Stands for the pid until `with_pid`; no pid is that large."""
_X32_BIT = 0x40000000
_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand: as in `struct sock_filter`."""
_SAY_NO: Instruction = (RETURN, 0, 0, ERRNO | REFUSED)
_SAY_YES: Instruction = (RETURN, 0, 0, ALLOW)


def assemble(machine: str) -> list[Instruction]:
    """The program for one machine; `OWN_PID` is still in it."""
    numbers = kernel.NUMBERS[machine]
    program: list[Instruction] = [
        _load(4),
        (IF_EQUAL, 1, 0, ARCHITECTURE[machine]),  # int 0x80 comes with another architecture
        (RETURN, 0, 0, KILL),
        _load(0),
    ]
    if machine == "x86_64":
        program += [(IF_AT_LEAST, 0, 1, _X32_BIT), (RETURN, 0, 0, KILL)]
    verdicts = ((ALLOWED, ALLOW), (MISSING, ERRNO | errno.ENOSYS), (FATAL, KILL))
    for names, verdict in verdicts:
        for name in names:
            if name in numbers:  # aarch64 has no `stat`, `pipe` and the like
                program += [(IF_EQUAL, 0, 1, numbers[name]), (RETURN, 0, 0, verdict)]
    for name, body in _CHECKED.items():
        if name in numbers:
            program += [(IF_EQUAL, 0, len(body), numbers[name]), *body]
    program += [(IF_AT_LEAST, 0, 1, FIRST_UNKNOWN), (RETURN, 0, 0, ERRNO | errno.ENOSYS), _SAY_NO]
    return program


class Filter:
    """The packed program, and where in it the pid belongs."""

    def __init__(self, machine: str) -> None:
        program = assemble(machine)
        self._length = len(program)
        self._packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
        self._pid_at = [
            8 * position + 4
            for position, instruction in enumerate(program)
            if instruction[3] == OWN_PID
        ]

    def install(self, pid: int) -> None:
        """Filter this process, which is `pid`, for good. Raises OSError."""
        packed = bytearray(self._packed)
        for offset in self._pid_at:
            struct.pack_into("=I", packed, offset, pid)
        code = ctypes.create_string_buffer(bytes(packed), len(packed))
        header = struct.pack("@HP", self._length, ctypes.addressof(code))
        pointer = ctypes.create_string_buffer(header, len(header))
        if kernel.system_call("seccomp", _SET_MODE_FILTER, _FLAG_TSYNC, pointer) > 0:
            raise OSError(errno.EBUSY, "a thread could not be filtered")


def _load(offset: int) -> Instruction:
    return (LOAD, 0, 0, offset)


def _low(argument: int) -> Instruction:
    return _load(16 + 8 * argument)


def _high(argument: int) -> Instruction:
    return _load(20 + 8 * argument)


def _one_of(argument: int, values: Iterable[int]) -> list[Instruction]:
    body = [_low(argument)]
    for value in values:
        body += [(IF_EQUAL, 0, 1, value), _SAY_YES]
    return body


def _opened_as_it_was(flags: int) -> list[Instruction]:
    """O_RDONLY|O_TRUNC empties a file with no more than the right to read it."""
    return [
        *(_low(flags), (AND, 0, 0, O_ACCMODE | O_TRUNC)),
        *((IF_EQUAL, 0, 1, O_TRUNC), _SAY_NO, _SAY_YES),
    ]


_SELF: list[Instruction] = [_low(0), (IF_EQUAL, 0, 1, OWN_PID), _SAY_YES, _SAY_NO]
_SELF_OR_ZERO: list[Instruction] = [
    *(_low(0), (IF_EQUAL, 2, 0, 0), (IF_EQUAL, 1, 0, OWN_PID), _SAY_NO, _SAY_YES),
]
_CHECKED: dict[str, list[Instruction]] = {
    "ioctl": [*_one_of(1, IOCTLS), _SAY_NO],
    "fcntl": [
        *_one_of(1, FCNTLS),
        *((IF_EQUAL, 0, 3, F_SETFL), _low(2), (IF_ANY_BIT, 1, 0, O_ASYNC), _SAY_YES, _SAY_NO),
    ],
    "prctl": [*_one_of(0, PRCTLS), _SAY_NO],
    # RLIMIT_DATA does not count shared anonymous memory, and there is nobody to share it with.
    "mmap": [
        *(_low(3), (IF_ANY_BIT, 0, 2, MAP_ANONYMOUS), (IF_ANY_BIT, 0, 1, MAP_SHARED)),
        *(_SAY_NO, _SAY_YES),
    ],
    "open": _opened_as_it_was(1),
    "openat": _opened_as_it_was(2),
    "kill": _SELF,
    "tgkill": _SELF,
    "sched_getaffinity": _SELF_OR_ZERO,
    # Reading its own limits: the third argument, new limits, is a null pointer.
    "prlimit64": [
        *(_low(2), (IF_EQUAL, 1, 0, 0), _SAY_NO, _high(2), (IF_EQUAL, 1, 0, 0), _SAY_NO),
        *_SELF_OR_ZERO,
    ],
}
