"""Which system calls a worker may make, and what happens to the others.

Not listed here: EPERM. Beyond the numbers known: ENOSYS, so that libraries fall back.
"""

from __future__ import annotations

import errno

ALLOWED = (
    # what is open already, and files that Landlock lets be opened
    *("read", "write", "close", "fstat", "newfstatat", "stat", "lstat", "statx", "lseek"),
    *("pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2"),
    *("access", "faccessat", "faccessat2", "getdents", "getdents64", "getcwd", "readlink"),
    *("readlinkat", "dup", "dup2", "dup3", "close_range", "umask"),
    # memory
    *("brk", "munmap", "mprotect", "mremap", "mincore", "madvise", "mseal"),
    # waiting
    *("pipe", "pipe2", "select", "pselect6", "poll", "ppoll", "epoll_create", "epoll_create1"),
    *("epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2"),
    *("timerfd_create", "timerfd_settime", "timerfd_gettime", "sched_yield", "pause"),
    *("nanosleep", "clock_nanosleep", "getitimer", "setitimer", "alarm", "restart_syscall"),
    *("futex", "set_tid_address", "set_robust_list", "rseq"),
    # its own signals, identity and time
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait"),
    *("rt_sigsuspend", "sigaltstack", "getpid", "getppid", "gettid", "getuid", "geteuid"),
    *("getgid", "getegid", "getresuid", "getresgid", "getgroups", "getpgrp", "uname"),
    *("gettimeofday", "clock_gettime", "clock_getres", "time", "times", "getcpu", "getrandom"),
    *("getrlimit", "getrusage", "sysinfo", "exit", "exit_group"),
)

FATAL = (
    # Without innocent use: the worker is killed, and SIGSYS tells the host why. `mbind` is not
    # here, because OpenBLAS calls it when numpy is imported.
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd"),
    *("execve", "execveat", "bpf", "perf_event_open", "userfaultfd", "kcmp", "modify_ldt"),
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen"),
    *("fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "fanotify_init"),
    *("setns", "unshare", "keyctl", "add_key", "request_key", "migrate_pages", "move_pages"),
    *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"),
    *("iopl", "ioperm", "reboot", "swapon", "swapoff", "acct"),
)

MISSING = (
    # Libraries that lock what they read go on where a file system knows no locks.
    "flock",
    # Newer ways to do what an older call does: glibc falls back to the one that can be checked.
    *("clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("futex_waitv", "futex_wake", "futex_wait", "futex_requeue"),
)

REFUSED = errno.EPERM
FIRST_UNKNOWN = 463
"""From this number on a call is newer than these lists, on every machine."""

# The kernel looks at the low 32 bits of these arguments only, and so does the filter.
IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX"""
FCNTLS = (0, 1, 2, 3, 1030, 1032)
"""DUPFD GETFD SETFD GETFL DUPFD_CLOEXEC GETPIPE_SZ: nothing that makes the kernel send a signal
(SETOWN, SETSIG, LEASE, NOTIFY), and no lock, which whoever writes the file would wait for."""
F_SETFL, O_ASYNC = 4, 0x2000
PRCTLS = (3, 15, 16)
"""GET_DUMPABLE SET_NAME GET_NAME"""
MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20
O_ACCMODE, O_TRUNC = 0o3, 0o1000
