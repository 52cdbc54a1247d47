"""The system call filter, decided by an interpreter of its own: both machines, no kernel needed."""

from __future__ import annotations

import errno
import re
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanochat_host.packs.sandbox import kernel, seccomp
from nanochat_host.packs.sandbox.syscall_lists import ALLOWED, FATAL, FIRST_UNKNOWN, MISSING

MACHINES = ("x86_64", "aarch64")
PID = 4242
ALLOW, KILL = seccomp.ALLOW, seccomp.KILL
REFUSE, UNKNOWN = seccomp.ERRNO | errno.EPERM, seccomp.ERRNO | errno.ENOSYS
PROGRAMS = {machine: seccomp.assemble(machine) for machine in MACHINES}


def decide(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run the program over one call, as the kernel does."""
    words = (*arguments, *[0] * (6 - len(arguments)))
    if architecture is None:
        architecture = seccomp.ARCHITECTURE[machine]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(w & (1 << 64) - 1 for w in words))
    accumulator = position = 0
    program = PROGRAMS[machine]
    while True:
        code, if_true, if_false, operand = program[position]
        operand = PID if operand == seccomp.OWN_PID else operand
        position += 1
        if code == seccomp.LOAD:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == seccomp.AND:
            accumulator &= operand
        elif code == seccomp.RETURN:
            return operand
        else:
            holds = {
                seccomp.IF_EQUAL: accumulator == operand,
                seccomp.IF_ANY_BIT: bool(accumulator & operand),
                seccomp.IF_AT_LEAST: accumulator >= operand,
            }[code]
            position += if_true if holds else if_false


def call(machine: str, name: str, *arguments: int) -> int:
    return decide(machine, kernel.NUMBERS[machine][name], *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_each_list_gets_its_verdict(machine: str) -> None:
    for names, verdict in ((ALLOWED, ALLOW), (FATAL, KILL), (MISSING, UNKNOWN)):
        for name in names:
            if name in kernel.NUMBERS[machine]:
                assert call(machine, name) == verdict, name


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "verdict"),
    [
        ("openat", (0, 0, 0o0), ALLOW),
        ("openat", (0, 0, 0o1000), REFUSE),  # O_RDONLY|O_TRUNC
        ("openat", (0, 0, 0o1001), ALLOW),  # left to Landlock
        ("kill", (PID, 9), ALLOW),
        ("kill", (0, 9), REFUSE),
        ("kill", (-1, 9), REFUSE),
        ("kill", (PID + 1, 0), REFUSE),
        ("tgkill", (PID, PID, 9), ALLOW),
        ("tgkill", (1, 1, 9), REFUSE),
        ("prlimit64", (0, 7, 0, 1), ALLOW),
        ("prlimit64", (PID, 7, 0, 1), ALLOW),
        ("prlimit64", (1, 7, 0, 1), REFUSE),
        ("prlimit64", (0, 7, 1, 0), REFUSE),
        ("prlimit64", (0, 7, 1 << 40, 0), REFUSE),  # a pointer whose low half is zero
        ("sched_getaffinity", (0, 8, 1), ALLOW),
        ("sched_getaffinity", (1, 8, 1), REFUSE),
        ("mmap", (0, 1, 3, 0x22), ALLOW),  # private and anonymous
        ("mmap", (0, 1, 1, 0x01), ALLOW),  # a file, shared
        ("mmap", (0, 1, 3, 0x21), REFUSE),  # shared and anonymous
        ("fcntl", (0, 1, 0), ALLOW),
        ("fcntl", (0, 4, 0x800), ALLOW),  # F_SETFL O_NONBLOCK
        ("fcntl", (0, 4, 0x2000), REFUSE),  # F_SETFL O_ASYNC
        ("fcntl", (0, 8, 1), REFUSE),  # F_SETOWN
        ("fcntl", (0, 10, 9), REFUSE),  # F_SETSIG
        ("fcntl", (0, 1031, 1 << 20), REFUSE),  # F_SETPIPE_SZ
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), REFUSE),  # TIOCSTI types into a terminal
        ("ioctl", (0, 1 << 32 | 0x5412), REFUSE),
        ("prctl", (15, 0), ALLOW),
        ("prctl", (4, 1), REFUSE),  # PR_SET_DUMPABLE
    ],
)
def test_arguments_are_looked_at(
    machine: str, name: str, arguments: tuple[int, ...], verdict: int
) -> None:
    assert call(machine, name, *arguments) == verdict


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_not_named_is_refused_and_what_is_newer_is_missing(machine: str) -> None:
    socket, clone = {"x86_64": (41, 56), "aarch64": (198, 220)}[machine]
    assert decide(machine, socket) == REFUSE
    assert decide(machine, clone, 0x10F00) == REFUSE  # not even threads
    assert decide(machine, FIRST_UNKNOWN) == UNKNOWN
    assert decide(machine, 10_000) == UNKNOWN


def test_other_ways_into_the_kernel_are_fatal() -> None:
    assert decide("x86_64", 2, architecture=0x40000003) == KILL  # int 0x80
    assert decide("x86_64", 0x40000000 | 41) == KILL  # x32
    assert decide("aarch64", 0, architecture=0x40000028) == KILL


@given(st.sampled_from(MACHINES), st.integers(0, 0x3FFFFFFF), st.integers(0, (1 << 64) - 1))
def test_only_what_is_listed_is_ever_allowed(machine: str, number: int, argument: int) -> None:
    if decide(machine, number, argument, argument, argument, argument) == ALLOW:
        names = {kernel.NUMBERS[machine][n]: n for n in kernel.NUMBERS[machine]}
        assert names[number] in {*ALLOWED, *seccomp._CHECKED}


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
# What an architecture with the generic table asks for; arm64 asks for these.
WANTED = ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "SYS_CLONE3", "MEMFD_SECRET"]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers (package linux-libc-dev)")
    lines = [f"#define __ARCH_WANT_{word}" for word in WANTED]
    source = "\n".join([*lines, f'#include "{HEADERS[machine]}"\n'])
    try:
        expanded = subprocess.run(
            ["cpp", "-dM", "-"], input=source, text=True, capture_output=True, check=True
        ).stdout
    except FileNotFoundError:
        pytest.skip("no C preprocessor")
    defined = dict(re.findall(r"#define (__NR\w*) (\S+)", expanded))

    def number(symbol: str) -> int:
        value = defined[symbol]
        return int(value) if value.isdigit() else number(value)

    # Newer calls than these headers may know have the same number on every machine.
    newest = max(number(symbol) for symbol in defined if symbol != "__NR_syscalls")
    checked = 0
    for name, ours in kernel.NUMBERS[machine].items():
        if f"__NR_{name}" in defined:
            assert number(f"__NR_{name}") == ours, name
            checked += 1
        else:
            assert ours > newest, name
    assert checked > 130
    for name in {*ALLOWED, *FATAL, *MISSING} - set(kernel.NUMBERS[machine]):
        assert f"__NR_{name}" not in defined, f"{name} exists here and is not in the table"


def test_newer_calls_have_one_number_everywhere() -> None:
    x86, arm = (kernel.NUMBERS[machine] for machine in MACHINES)
    for name in x86.keys() & arm.keys():
        if x86[name] >= 424:
            assert x86[name] == arm[name], name
